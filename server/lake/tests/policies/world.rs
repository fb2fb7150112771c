//! A lake with two days and policies, and the people of the tests.

use arrow::array::{Array, ArrayRef};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use arrow::util::pretty::pretty_format_batches;
use showrunner_generate::{Options, day_lines};
use showrunner_lake::model::{DayInput, FileRef};
use showrunner_lake::policy::{Identity, Policies, Statement};
use showrunner_lake::{Answer, Result};

use crate::support::{Fixture, date, day, limits};

/// Of a day.
const SESSIONS: u32 = 250;

/// Sees Germany's sessions; city, region, visitor and session masked, the browser denied.
pub fn analyst() -> Identity {
    Identity::person("analyst.de@example.com", ["analysts@example.com"])
}

/// Is granted nothing.
pub fn nobody() -> Identity {
    Identity::person("nobody@example.com", [""; 0])
}

pub struct World {
    pub f: Fixture,
}

/// What the policies of most tests are.
pub const POLICIES: &[&str] = &[
    "CREATE ROW ACCESS POLICY germany ON silver.sessions GRANT TO ('user:analyst.de@example.com') FILTER USING (country = 'Germany')",
    "CREATE DATA_POLICY last_four OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = 'LAST_FOUR_CHARACTERS')",
    "CREATE DATA_POLICY empty OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = 'DEFAULT_MASKING_VALUE')",
    "CREATE DATA_POLICY nothing OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = 'ALWAYS_NULL')",
    "CREATE DATA_POLICY raw OPTIONS (data_policy_type = 'RAW_DATA_ACCESS_POLICY')",
    "GRANT FINE_GRAINED_READ ON DATA_POLICY last_four TO 'principalSet://goog/group/analysts@example.com'",
    "GRANT FINE_GRAINED_READ ON DATA_POLICY empty TO 'principal://goog/subject/analyst.de@example.com'",
    "GRANT FINE_GRAINED_READ ON DATA_POLICY nothing TO 'principal://goog/subject/analyst.de@example.com'",
    "ALTER TABLE silver.sessions ALTER COLUMN full_visitor_id SET OPTIONS (data_policies = [\"{'name':'last_four'}\"])",
    "ALTER TABLE silver.sessions ALTER COLUMN session_id SET OPTIONS (data_policies = ['last_four'])",
    "ALTER TABLE silver.sessions ALTER COLUMN city SET OPTIONS (data_policies = ['empty'])",
    "ALTER TABLE silver.sessions ALTER COLUMN region SET OPTIONS (data_policies = ['nothing'])",
    "ALTER TABLE silver.sessions ALTER COLUMN browser SET OPTIONS (data_policies = ['raw'])",
];

impl World {
    /// Two days, no policies.
    pub async fn plain() -> World {
        let world = World { f: Fixture::new().await };
        world.play("r1", &["2017-07-28", "2017-07-29"]).await;
        world
    }

    /// Days with enough sessions for a country to have some.
    pub async fn play(&self, run: &str, days: &[&str]) {
        let mut inputs = Vec::new();
        for text in days {
            let options = Options { seed: 7, sessions_per_day: SESSIONS, ..Options::default() };
            let file = self.f.file(&format!("{text}.json"), &day_lines(&options, date(text)));
            inputs.push(DayInput { day: day(text), files: vec![FileRef::Local(file)] });
        }
        self.f.bronze(run, &inputs).await.expect("bronze");
        let days: Vec<_> = days.iter().map(|text| day(text)).collect();
        self.f.after_bronze(run, &days).await;
    }

    /// Two days with [`POLICIES`].
    pub async fn new() -> World {
        let world = World::plain().await;
        world.run(POLICIES).await;
        world
    }

    /// Runs statements one after another.
    pub async fn run(&self, statements: &[&str]) {
        for sql in statements {
            let policies = self.change(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
            self.f.lake.set_policies(policies);
        }
    }

    pub async fn change(&self, sql: &str) -> Result<Policies> {
        self.f.lake.policies_after(&self.f.lake.policies(), &Statement::parse(sql)?).await
    }

    pub async fn ask(&self, who: &Identity, sql: &str) -> Result<Answer> {
        self.f.lake.ask(who, sql, limits(), None).await
    }

    /// The answer's values, row by row.
    pub async fn cells(&self, who: &Identity, sql: &str) -> Vec<Vec<String>> {
        let answer = self.ask(who, sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        cells(&answer.batches)
    }

    /// The answer as text.
    pub async fn text(&self, who: &Identity, sql: &str) -> String {
        let answer = self.ask(who, sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        pretty_format_batches(&answer.batches).expect("text").to_string()
    }

    pub async fn number(&self, who: &Identity, sql: &str) -> i64 {
        let answer = self.ask(who, sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let column =
            arrow::compute::cast(answer.batches[0].column(0), &arrow::datatypes::DataType::Int64).expect("a number");
        arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&column).value(0)
    }

    pub async fn error(&self, who: &Identity, sql: &str) -> String {
        match self.ask(who, sql).await {
            Ok(answer) => panic!("{sql} is answered:\n{}", pretty_format_batches(&answer.batches).expect("text")),
            Err(error) => error.message,
        }
    }
}

pub fn cells(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let value = |column: &ArrayRef, row| match column.is_null(row) {
        true => "NULL".to_owned(),
        false => array_value_to_string(column, row).expect("text"),
    };
    let row = |batch: &RecordBatch, row| batch.columns().iter().map(|c| value(c, row)).collect();
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|at| row(batch, at)).collect::<Vec<_>>()).collect()
}
