//! Nothing that happens to a table changes what is seen of it.

use std::sync::Arc;

use showrunner_lake::Identity;
use showrunner_lake::model::{Scope, Unwatched};

use crate::support::{customers, day};
use crate::world::{World, analyst, nobody};

/// The analyst sees Germany and nothing else, masked; nobody sees nothing.
async fn still_protected(world: &World, after: &str, checksum: &str) {
    let all = world.number(&Identity::admin(), "SELECT count(*) FROM silver.sessions WHERE country = 'Germany'").await;
    assert_eq!(world.number(&analyst(), "SELECT count(*) FROM silver.sessions").await, all, "{after}");
    assert_eq!(world.number(&analyst(), "SELECT count(*) FROM silver.sessions WHERE city <> ''").await, 0, "{after}");
    assert_eq!(world.number(&nobody(), "SELECT count(*) FROM silver.sessions").await, 0, "{after}");
    assert_eq!(world.f.lake.policies().checksum(), checksum, "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_outlive_reingestion_purge_and_a_new_start() {
    let mut world = World::new().await;
    let checksum = world.f.lake.policies().checksum();
    still_protected(&world, "at first", &checksum).await;
    world.play("again", &["2017-07-28", "2017-07-29"]).await;
    still_protected(&world, "after a second ingestion", &checksum).await;
    world.play("more", &["2017-07-30"]).await;
    still_protected(&world, "after another day", &checksum).await;
    for place in ["warehouse", "gold", "silver", "bronze"] {
        world.f.lake.purge(place, &Scope::All, &customers(), "reset").await.unwrap();
    }
    assert_eq!(world.number(&Identity::admin(), "SELECT count(*) FROM silver.sessions").await, 0);
    still_protected(&world, "after a reset", &checksum).await;
    world.play("anew", &["2017-07-29"]).await;
    assert!(world.number(&analyst(), "SELECT count(*) FROM silver.sessions").await > 0);
    still_protected(&world, "after the days came anew", &checksum).await;
    // The next start is told the policies by who keeps them.
    let kept = showrunner_lake::policy::Policies::clone(&world.f.lake.policies());
    let kept = serde_json::to_string(&kept).unwrap();
    world.f.lake = showrunner_lake::Lake::open_read_only(crate::support::config(world.f.dir.path())).await.unwrap();
    world.f.lake.set_policies(serde_json::from_str(&kept).unwrap());
    still_protected(&world, "after a new start", &checksum).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_the_pipeline_read_everything() {
    let world = World::plain().await;
    world
        .run(&[
            "CREATE ROW ACCESS POLICY none ON silver.sessions FILTER USING (FALSE)",
            "CREATE ROW ACCESS POLICY none ON bronze.ga_sessions FILTER USING (FALSE)",
        ])
        .await;
    let rows = world.number(&Identity::admin(), "SELECT count(*) FROM warehouse.ga_sessions").await;
    let days = [day("2017-07-28"), day("2017-07-29")];
    world.f.lake.silver("again", &days, Arc::new(Unwatched)).await.unwrap();
    world.f.lake.load_warehouse("again", &days, Arc::new(Unwatched)).await.unwrap();
    assert_eq!(world.number(&nobody(), "SELECT count(*) FROM warehouse.ga_sessions").await, rows);
}
