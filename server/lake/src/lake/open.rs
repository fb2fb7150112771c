//! Opening a data folder.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::calls::{RecordingObjects, RecordingTopics};
use crate::clock::{Clock, system_clock};
use crate::datasets::Dataset;
use crate::delta::Shape;
use crate::model::Zone;
use crate::objects::{DiskObjects, NotifyingObjects};
use crate::ports::{TopicConfig, Topics, Warehouse};
use crate::topic::{DiskTopics, TopicOptions};
use crate::warehouse::serve::serving_table;
use crate::{stream, transform};

use super::*;

/// See [`Lake::open`] and [`Lake::open_read_only`].
pub(super) async fn open(mut config: LakeConfig, read_only: bool) -> Result<Arc<Lake>> {
    let names = Names::of(&config.id, &config.stage)?;
    config.data_dir = absolute(config.data_dir, read_only)?;
    config.workers = config.workers.max(1);
    let work = Background::start("lake-work", config.workers.max(2))?;
    let readers = Background::start_blocking("lake-read", config.workers)?;
    let queries = Background::start("lake-query", 2)?;
    let console = console::Console::start()?;
    let stream = Background::start("lake-stream", config.workers.max(2))?;
    let elsewhere = config.elsewhere.as_ref().and_then(|elsewhere| elsewhere.jobs.clone());
    let inner = Arc::new(work.run(prepare(config, names, read_only)).await?);
    let jobs: Arc<dyn IngestJobs> = match elsewhere {
        Some(jobs) => jobs,
        None => Arc::new(jobs::OwnJobs::new(inner.clone(), work.handle()?, readers.handle()?)),
    };
    Ok(Arc::new(Lake { inner, jobs, work, _readers: readers, queries, console, stream }))
}

async fn prepare(config: LakeConfig, names: Names, read_only: bool) -> Result<Inner> {
    let scratch = config.data_dir.join("scratch");
    if !read_only {
        // What a killed process left in it is of no use to anyone.
        let _missing = std::fs::remove_dir_all(&scratch);
    }
    std::fs::create_dir_all(&scratch).map_err(|e| io_error("creating", &scratch, e))?;
    let topics: Arc<dyn Topics> = match &config.elsewhere {
        None => open_topics(&config.data_dir, system_clock(), read_only).await?,
        Some(elsewhere) => {
            if !read_only {
                notification_topic(elsewhere.topics.as_ref()).await?;
            }
            elsewhere.topics.clone()
        }
    };
    let topics: Arc<dyn Topics> = Arc::new(RecordingTopics::new(topics, system_clock()));
    let store: Arc<dyn Objects> = match &config.elsewhere {
        None => Arc::new(DiskObjects::open(&config.data_dir)?),
        Some(elsewhere) => elsewhere.objects.clone(),
    };
    if !read_only {
        let buckets = [&names.source, &names.ingestion, &names.datalake];
        futures::future::try_join_all(buckets.map(|bucket| store.create_bucket(bucket))).await?;
    }
    let objects: Arc<dyn Objects> = match &config.elsewhere {
        None => Arc::new(NotifyingObjects::new(store, names.ingestion.clone(), topics.clone(), NOTIFICATION_TOPIC)),
        Some(_) => store,
    };
    let objects: Arc<dyn Objects> = Arc::new(RecordingObjects::new(objects));
    let epoch = Arc::new(AtomicU64::new(0));
    let datasets: Vec<Arc<Dataset>> = Dataset::all().into_iter().map(Arc::new).collect();
    let home = Home {
        // A copy is made to be like its original, whatever was there: never of what may be an original itself.
        dir: config.data_dir.join(if config.elsewhere.is_some() { "copies" } else { "buckets" }).join(&names.datalake),
        bucket: names.datalake.clone(),
        store: config.elsewhere.as_ref().map(|elsewhere| elsewhere.datalake.clone()),
        epoch: epoch.clone(),
        follow: read_only,
    };
    let tables = shapes(&datasets)?.into_iter().map(|shape| home.table(shape)).collect::<Result<Vec<_>>>()?;
    futures::future::try_join_all(tables.iter().map(|table| table.fetch())).await?;
    let served = config.elsewhere.as_ref().and_then(|elsewhere| elsewhere.warehouse.clone()).map(Follower::new);
    let warehouse = match &config.elsewhere {
        Some(_) => DeltaWarehouse::in_bucket(home.clone()),
        None => {
            let dir = config.data_dir.join("warehouse").join(&names.dataset);
            DeltaWarehouse::open_with(dir, epoch.clone(), read_only).await?
        }
    };
    let built_in = [serving_table()?, stream::rows_table()?, stream::errors_table()];
    if read_only && config.elsewhere.is_some() {
        futures::future::try_join_all(built_in.iter().map(|table| warehouse.find(table))).await?;
    }
    if !read_only {
        futures::future::try_join_all(tables.iter().map(|t| t.create())).await?;
        futures::future::try_join_all(built_in.iter().map(|table| warehouse.create_table(table))).await?;
        if let Some(served) = &served {
            served::prepare(served.warehouse().as_ref(), &built_in).await?;
        }
        let handles = warehouse.handles();
        futures::future::try_join_all(tables.iter().chain(&handles).map(|table| table.current())).await?;
    }
    let inner = Inner {
        config,
        names,
        home,
        objects,
        topics,
        warehouse,
        served,
        datasets,
        tables,
        epoch,
        resident: Default::default(),
        checksums: Default::default(),
        footers: Default::default(),
        policies: Default::default(),
        enforced: Default::default(),
        defined: Default::default(),
        read_only,
    };
    inner.take_up_datasets().await?;
    Ok(inner)
}

/// The topics, with the one for notifications. Who only reads has none: another process may have them open.
async fn open_topics(data_dir: &std::path::Path, clock: Clock, read_only: bool) -> Result<Arc<dyn Topics>> {
    if read_only {
        return Ok(Arc::new(DiskTopics::closed(clock)));
    }
    let topics = DiskTopics::open(&data_dir.join("topics"), clock, TopicOptions::default())?;
    notification_topic(&topics).await?;
    Ok(Arc::new(topics))
}

async fn notification_topic(topics: &dyn Topics) -> Result<()> {
    topics.ensure_topic(NOTIFICATION_TOPIC, TopicConfig::default()).await?;
    topics.ensure_subscription(NOTIFICATION_SUBSCRIPTION, NOTIFICATION_TOPIC, notification_subscription()).await
}

pub(super) fn shapes(datasets: &[Arc<Dataset>]) -> Result<Vec<Shape>> {
    let mut shapes: Vec<Shape> = datasets.iter().map(|d| d.bronze()).collect();
    shapes.extend(datasets.iter().map(|d| d.bronze_stream()));
    for table in transform::tables() {
        shapes.push(Shape {
            zone: table.zone,
            name: table.name.to_owned(),
            title: table.title.to_owned(),
            schema: transform::schema(table)?,
            partition: table.partition.iter().map(|c| (*c).to_owned()).collect(),
            properties: BTreeMap::new(),
        });
    }
    // Silver before gold, whatever the order of the definitions.
    shapes.sort_by_key(|s| s.zone);
    debug_assert!(shapes.iter().all(|s| s.zone != Zone::Warehouse));
    Ok(shapes)
}

/// The folder without links or dots, as the tables' addresses need it.
fn absolute(dir: PathBuf, read_only: bool) -> Result<PathBuf> {
    if read_only && !dir.is_dir() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "There is no data folder {}. Run `showrunner seed` first, or name another with --data-dir.",
                dir.display()
            ),
        ));
    }
    std::fs::create_dir_all(&dir).map_err(|e| io_error("creating", &dir, e))?;
    std::fs::canonicalize(&dir).map_err(|e| io_error("opening", &dir, e))
}
