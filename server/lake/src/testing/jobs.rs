//! The contract of [`IngestJobs`](crate::ports::IngestJobs), kept by a lake whose job port is the back end's.

use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;

use super::kind;
use crate::model::{BronzeOutcome, Day, FileRef, ObjectRef, Scope, Unwatched, Zone};
use crate::ports::{IngestJob, JobDay, JobFile, JobState, Precondition};
use crate::{ErrorKind, Lake, LakeConfig, keys};

const CUSTOMER: &str = "customer01";
const DATASET: &str = "ga_sessions";

/// A lake, and what opens it again.
struct World {
    config: LakeConfig,
    lake: Arc<Lake>,
}

/// Runs every rule against the job port of a fresh, empty lake, which is opened as `make` says.
///
/// # Panics
/// When a rule is broken.
pub async fn ingest_jobs_contract<F: AsyncFn() -> LakeConfig>(make: F) {
    let fresh = async || {
        let config = make().await;
        World { lake: Lake::open(config.clone()).await.expect("a lake opens"), config }
    };
    unknown_jobs(&fresh().await).await;
    what_cannot_be_a_job(&fresh().await).await;
    a_job_takes_its_days_into_the_table(&fresh().await).await;
    the_same_id_twice_is_one_job(&fresh().await).await;
    days_are_replaced(&fresh().await).await;
    a_missing_file_fails_the_whole_job(&fresh().await).await;
    what_is_held_back_is_told(&fresh().await).await;
    a_cancelled_job_leaves_nothing(&fresh().await).await;
    a_job_is_found_by_its_id(fresh().await).await;
    removed_days_are_forgotten(fresh().await).await;
}

fn day(date: u32) -> Day {
    let date = NaiveDate::from_ymd_opt(2017, 7, date).expect("a day of July");
    Day { customer: CUSTOMER.to_owned(), dataset: DATASET.to_owned(), date }
}

fn rows(of: &Day, count: usize) -> String {
    let date = of.date.format("%Y%m%d");
    let row = |n: usize| format!("{{\"date\":\"{date}\",\"fullVisitorId\":\"{n}\",\"visitId\":{n}}}\n");
    (0..count).map(row).collect()
}

impl World {
    /// Delivers a file.
    async fn put(&self, day: &Day, name: &str, text: impl Into<Bytes>) -> JobFile {
        let (bucket, key) = (&self.lake.names().ingestion, format!("{}{name}", keys::day_prefix(day)));
        let written = self.lake.objects().put(bucket, &key, text.into(), Precondition::None).await.expect("a delivery");
        let object = ObjectRef { bucket: written.bucket, key: written.key, size: written.size };
        JobFile { file: FileRef::Object(object), generation: written.generation }
    }

    /// A day with one file of so many rows.
    async fn delivery(&self, day: &Day, count: usize) -> JobDay {
        JobDay { day: day.clone(), files: vec![self.put(day, "rows.json", rows(day, count)).await] }
    }

    fn job(&self, id: &str, days: Vec<JobDay>) -> IngestJob {
        let job = self.lake.ingest_job("run-1", days).expect("a job");
        IngestJob { id: id.to_owned(), ..job }
    }

    async fn done(&self, job: &IngestJob) -> BronzeOutcome {
        self.lake.jobs().submit(job).await.expect("a job is taken");
        self.lake.jobs().outcome(&job.id).await.expect("a job ends well")
    }

    /// The table's version, its files, and its rows for each date.
    async fn table(&self) -> (i64, u64, Vec<(NaiveDate, u64)>) {
        let tables = self.lake.tables().await.expect("tables");
        let bronze = tables.iter().find(|t| t.zone == Zone::Bronze && t.table == DATASET).expect("the table");
        let rows = bronze.partitions.iter().filter_map(|part| Some((part.date?, part.rows))).collect();
        (bronze.version, bronze.files(), rows)
    }

    /// Files of the table wherever it lies, those that no version has among them.
    async fn files(&self) -> u64 {
        let plan = self.lake.purge_plan(&Scope::All, &[CUSTOMER.to_owned()]).await.expect("a plan");
        plan.iter().filter(|item| item.place == "bronze" && item.table == DATASET).map(|item| item.files).sum()
    }

    async fn state(&self, id: &str) -> JobState {
        self.lake.jobs().status(id).await.expect("a job that is known").state
    }

    /// Another process takes over.
    async fn restart(&mut self) {
        let config = LakeConfig { data_dir: self.config.data_dir.join("nobody"), ..self.config.clone() };
        let nobody = Lake::open(config).await.expect("a lake opens");
        drop(std::mem::replace(&mut self.lake, nobody));
        self.lake = Lake::open(self.config.clone()).await.expect("the lake opens again");
    }
}

async fn unknown_jobs(world: &World) {
    let jobs = world.lake.jobs();
    assert_eq!(kind(jobs.status("nobodys-job").await), ErrorKind::NotFound);
    assert_eq!(kind(jobs.cancel("nobodys-job").await), ErrorKind::NotFound);
    assert_eq!(kind(jobs.outcome("nobodys-job").await), ErrorKind::NotFound);
}

async fn what_cannot_be_a_job(world: &World) {
    let fine = world.job("a-job", vec![world.delivery(&day(1), 1).await]);
    let other_day = Day { dataset: "orders".to_owned(), ..day(1) };
    let bad = |change: fn(&mut IngestJob)| {
        let mut job = fine.clone();
        change(&mut job);
        job
    };
    for (job, expected) in [
        (bad(|job| job.id = "abc".to_owned()), ErrorKind::Invalid),
        (bad(|job| job.id = "../../outside".to_owned()), ErrorKind::Invalid),
        (bad(|job| job.id = "-begins-so".to_owned()), ErrorKind::Invalid),
        (bad(|job| job.id = "x".repeat(64)), ErrorKind::Invalid),
        (bad(|job| job.table = "bronze.elsewhere".to_owned()), ErrorKind::Invalid),
        (bad(|job| job.uri.push_str("further/")), ErrorKind::Invalid),
        (bad(|job| job.days.clear()), ErrorKind::Invalid),
        (IngestJob { dataset: "orders".to_owned(), ..fine.clone() }, ErrorKind::NotFound),
        (
            IngestJob {
                days: [fine.days.clone(), vec![JobDay { day: other_day, files: vec![] }]].concat(),
                ..fine.clone()
            },
            ErrorKind::Invalid,
        ),
    ] {
        assert_eq!(kind(world.lake.jobs().submit(&job).await), expected, "{job:?}");
        // And nothing of it is known.
        assert_eq!(kind(world.lake.jobs().status(&job.id).await), ErrorKind::NotFound, "{job:?}");
    }
    assert_eq!(world.done(&fine).await.rows, 1, "the id of a refused job may be used");
}

async fn a_job_takes_its_days_into_the_table(world: &World) {
    let (version, ..) = world.table().await;
    let mut second = world.delivery(&day(2), 5).await;
    second.files.push(world.put(&day(2), "more.json", rows(&day(2), 2)).await);
    let job = world.job("two-days", vec![world.delivery(&day(1), 3).await, second]);
    let outcome = world.done(&job).await;
    assert_eq!((outcome.files, outcome.rows, outcome.rows_quarantined), (3, 10, 0));
    assert_eq!(outcome.per_day, [(day(1), 3), (day(2), 7)]);
    let (now, files, rows) = world.table().await;
    assert_eq!((now, rows), (version + 1, vec![(day(1).date, 3), (day(2).date, 7)]), "all days in one version");
    assert_eq!((outcome.tables[0].version, world.files().await), (now, files));
    let status = world.lake.jobs().status(&job.id).await.expect("a job that ended is known");
    assert_eq!((status.state, status.files, status.files_total), (JobState::Committed, 3, 3));
    let progress = status.progress;
    assert_eq!((progress.rows, progress.days, progress.days_total), (10, 2, 2));
    assert_eq!((progress.bytes, progress.bytes_total), (outcome.bytes_in, outcome.bytes_in));
    world.lake.jobs().cancel(&job.id).await.expect("too late is fine");
    assert_eq!(world.state(&job.id).await, JobState::Committed, "what is committed stays");
}

async fn the_same_id_twice_is_one_job(world: &World) {
    let job = world.job("only-once", vec![world.delivery(&day(1), 3).await]);
    let (first, second) = tokio::join!(world.done(&job), world.done(&job));
    assert_eq!(first, second);
    let once = world.table().await;
    assert_eq!(world.done(&job).await, first);
    assert_eq!(world.table().await, once);
    let other = world.job("only-once", vec![world.delivery(&day(2), 3).await]);
    assert_eq!(kind(world.lake.jobs().submit(&other).await), ErrorKind::Exists, "the id is another job's");
    assert_eq!((world.table().await, world.done(&job).await), (once, first));
}

async fn days_are_replaced(world: &World) {
    world.done(&world.job("first", vec![world.delivery(&day(1), 3).await, world.delivery(&day(2), 4).await])).await;
    world.done(&world.job("again", vec![world.delivery(&day(1), 5).await])).await;
    assert_eq!(world.table().await.2, [(day(1).date, 5), (day(2).date, 4)]);
}

async fn a_missing_file_fails_the_whole_job(world: &World) {
    let before = (world.table().await, world.files().await);
    let good = world.delivery(&day(1), 3).await;
    let lacking = world.delivery(&day(2), 3).await;
    let FileRef::Object(object) = &lacking.files[0].file else { panic!("an object") };
    assert!(world.lake.objects().delete(&object.bucket, &object.key).await.expect("a deletion"));
    let job = world.job("lacks-one", vec![good, lacking]);
    world.lake.jobs().submit(&job).await.expect("nobody has looked yet");
    let failed = world.lake.jobs().outcome(&job.id).await.expect_err("a file is missing");
    assert!(matches!(failed.kind, ErrorKind::NotFound | ErrorKind::Storage), "{failed:?}");
    assert!(failed.message.contains("rows.json"), "{failed}");
    assert_eq!(world.state(&job.id).await, JobState::Failed);
    assert_eq!((world.table().await, world.files().await), before, "no day of it, and no file");
    world.delivery(&day(2), 3).await;
    assert_eq!(world.done(&job).await.rows, 6, "a job that failed may be submitted again");
    assert_eq!(world.state(&job.id).await, JobState::Committed);
}

async fn what_is_held_back_is_told(world: &World) {
    world.done(&world.job("before", vec![world.delivery(&day(1), 3).await])).await;
    let broken = [0x1f_u8, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7];
    let bad = JobDay { day: day(1), files: vec![world.put(&day(1), "bad.json.gz", broken.to_vec()).await] };
    let mixed = format!("{}{{\"visitId\": broken\n", rows(&day(2), 2));
    let mixed = JobDay { day: day(2), files: vec![world.put(&day(2), "mixed.json", mixed).await] };
    let outcome = world.done(&world.job("held-back", vec![bad.clone(), mixed])).await;
    assert_eq!((outcome.rows, outcome.rows_quarantined, outcome.files_quarantined), (2, 1, 1));
    let told: Vec<_> = outcome.quarantined.iter().map(|held| (held.file.as_str(), held.line)).collect();
    assert!(told.contains(&("bad.json.gz", None)) && told.contains(&("mixed.json", Some(3))), "{told:?}");
    let there = world.table().await;
    assert_eq!(there.2, [(day(1).date, 3), (day(2).date, 2)], "a day without one good row stays as it was");
    let outcome = world.done(&world.job("all-bad", vec![bad])).await;
    assert_eq!((outcome.rows, outcome.files_quarantined), (0, 1));
    assert_eq!((world.table().await, world.state("all-bad").await), (there, JobState::Committed));
}

async fn a_cancelled_job_leaves_nothing(world: &World) {
    let before = (world.table().await, world.files().await);
    // Reading takes far longer than asking.
    let mut days = Vec::new();
    for date in 1..=4 {
        days.push(world.delivery(&day(date), 20_000).await);
    }
    let job = world.job("not-wanted", days);
    assert_eq!(world.lake.jobs().submit(&job).await.expect("a job is taken").state, JobState::Running);
    world.lake.jobs().cancel(&job.id).await.expect("a job can be cancelled");
    assert_eq!(kind(world.lake.jobs().outcome(&job.id).await), ErrorKind::Cancelled);
    assert_eq!(world.state(&job.id).await, JobState::Cancelled);
    assert_eq!((world.table().await, world.files().await), before, "nothing of it is there");
    assert_eq!(world.done(&job).await.rows, 80_000, "a cancelled job may be submitted again");
    let watched = world.lake.ingest(&job, Arc::new(Unwatched)).await.expect("its outcome");
    assert_eq!(watched.rows, 80_000);
}

async fn removed_days_are_forgotten(mut world: World) {
    let job = world.job("to-forget", vec![world.delivery(&day(1), 3).await]);
    let other = world.job("to-keep", vec![world.delivery(&day(2), 4).await]);
    world.done(&job).await;
    world.done(&other).await;
    let known = [CUSTOMER.to_owned()];
    world.lake.purge("bronze", &Scope::Days(vec![day(1)]), &known, "reset-1").await.expect("a day can be removed");
    for restarted in [false, true] {
        assert_eq!(kind(world.lake.jobs().status(&job.id).await), ErrorKind::NotFound, "restarted: {restarted}");
        assert_eq!(world.state(&other.id).await, JobState::Committed, "restarted: {restarted}");
        if !restarted {
            world.restart().await;
        }
    }
    assert_eq!(world.done(&job).await.rows, 3);
    assert_eq!(world.table().await.2, [(day(1).date, 3), (day(2).date, 4)], "done again, since its day was gone");
}

async fn a_job_is_found_by_its_id(mut world: World) {
    let job = world.job("found-again", vec![world.delivery(&day(1), 3).await, world.delivery(&day(2), 4).await]);
    let outcome = world.done(&job).await;
    world.done(&world.job("later", vec![world.delivery(&day(3), 1).await])).await;
    let there = world.table().await;
    world.restart().await;
    let status = world.lake.jobs().status(&job.id).await.expect("the job is known");
    assert_eq!((status.state, status.files, status.progress.rows), (JobState::Committed, 2, 7));
    let again = world.done(&job).await;
    assert_eq!(again.tables[0].version, outcome.tables[0].version);
    assert_eq!((again.rows, again.per_day), (outcome.rows, outcome.per_day));
    assert_eq!(world.table().await, there, "it is not done twice");
}
