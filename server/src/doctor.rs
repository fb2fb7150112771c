//! `showrunner doctor`: what is missing, and the exact fix.

use std::path::Path;
use std::sync::Arc;

use showrunner_lake::{DataDirLock, Lake, ingestion};

use crate::AppState;
use crate::clock::SystemClock;
use crate::cloud;
use crate::config::{Config, ServeConfig, SignInConfig};
use crate::error::Result;
use crate::hook::Hook;
use crate::store::{FILE_NAME, Store};

/// Below this, a seed and a few runs may fill the disk.
const SPACE_NEEDED: u64 = 2_000_000_000;

/// A line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    /// How it stands.
    pub level: Level,
    /// What was looked at.
    pub what: &'static str,
    /// What was found.
    pub found: String,
    /// Exactly what to do, unless all is well.
    pub fix: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Well.
    Good,
    /// Works, but something is worth doing.
    Note,
    /// Does not work.
    Red,
}

/// Prints the report; exit status 1 if a line is red.
pub(crate) async fn run(serve: &ServeConfig, config: &Config) -> Result<i32> {
    let checks = checks(serve, config).await;
    for check in &checks {
        let mark = match check.level {
            Level::Good => "ok  ",
            Level::Note => "note",
            Level::Red => "RED ",
        };
        println!("{mark}  {:16} {}", check.what, check.found);
        if let Some(fix) = &check.fix {
            println!("      {:16} fix: {fix}", "");
        }
    }
    let findings = cloud::check(config).await.unwrap_or_default();
    if !findings.is_empty() {
        let project = config.cloud.project.as_deref().unwrap_or_default();
        println!(
            "\nGoogle Cloud, project {project}:\n{}",
            findings.iter().map(cloud::finding).collect::<String>().trim_end()
        );
    }
    let red = checks.iter().any(|check| check.level == Level::Red) || findings.iter().any(|found| found.state.is_red());
    Ok(i32::from(red))
}

/// What can be said while the server runs: port and lock are its own.
pub(crate) async fn while_serving(state: &AppState) -> Vec<Check> {
    let (config, store, hook) = (&state.config, &state.store, state.hook.as_ref());
    let dir = &config.data.data_dir;
    let database = match store.check_writable().await {
        Ok(()) => good(DATABASE, "opens, migrated, can be written"),
        Err(error) => red(DATABASE, error.message, format!("close what holds {FILE_NAME}, or free space on its disk")),
    };
    let days = async { Ok(ingestion::source_days(state.lake.objects(), &state.lake.names().source).await?) };
    let (source, hook) = tokio::join!(source(config, days), hooked(hook, &config.sign_in));
    let all = [writable(dir), space(dir), database, source, client(), story(config), sign_in(&config.sign_in)];
    all.into_iter().chain(policies(&state.lake)).chain(hook).collect()
}

/// Whether the policies are in force in a warehouse elsewhere; nothing where there is none.
fn policies(lake: &Lake) -> Option<Check> {
    const WHAT: &str = "policies";
    let dataset = lake.served()?.dataset();
    Some(match lake.policies_trouble() {
        None => good(WHAT, format!("in force in {dataset} as well")),
        Some(trouble) => {
            red(WHAT, format!("not all in force in {dataset}: {trouble}"), "correct that, then restart the server")
        }
    })
}

async fn checks(serve: &ServeConfig, config: &Config) -> Vec<Check> {
    let dir = &config.data.data_dir;
    let mut checks = vec![writable(dir), space(dir)];
    let lock = lock(dir);
    let free = lock.level == Level::Good;
    checks.push(lock);
    checks.push(database(dir, free).await);
    let days = async {
        let lake = Lake::open_read_only(config.lake_to_read().await?).await?;
        Ok(ingestion::source_days(lake.objects(), &lake.names().source).await?)
    };
    checks.push(source(config, days).await);
    checks.push(client());
    checks.push(story(config));
    checks.push(sign_in(&config.sign_in));
    checks.extend(hook(config).await);
    checks.push(port(serve, &config.sign_in));
    checks
}

fn good(what: &'static str, found: impl Into<String>) -> Check {
    Check { level: Level::Good, what, found: found.into(), fix: None }
}

fn note(what: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { level: Level::Note, what, found: found.into(), fix: Some(fix.into()) }
}

fn red(what: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { level: Level::Red, what, found: found.into(), fix: Some(fix.into()) }
}

fn writable(dir: &Path) -> Check {
    const WHAT: &str = "data folder";
    let shown = dir.display();
    let result = std::fs::create_dir_all(dir).and_then(|()| {
        let probe = dir.join(".doctor");
        std::fs::write(&probe, b"probe")?;
        std::fs::remove_file(&probe)
    });
    match result {
        Ok(()) => good(WHAT, format!("{shown} can be written")),
        Err(error) => red(
            WHAT,
            format!("{shown} cannot be written ({error})"),
            format!(
                "mkdir -p '{shown}' && chown \"$(id -u)\" '{shown}' && chmod u+rwx '{shown}', or choose another with --data-dir"
            ),
        ),
    }
}

#[cfg(unix)]
fn space(dir: &Path) -> Check {
    const WHAT: &str = "free space";
    match rustix::fs::statvfs(dir) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let found = format!("{:.1} GB", free as f64 / 1e9);
            if free >= SPACE_NEEDED {
                good(WHAT, found)
            } else {
                red(
                    WHAT,
                    found,
                    format!(
                        "free {:.1} GB there, or choose a larger disk with --data-dir",
                        (SPACE_NEEDED - free) as f64 / 1e9
                    ),
                )
            }
        }
        Err(error) => {
            red(WHAT, format!("unknown ({error})"), "make the data folder readable, or choose another with --data-dir")
        }
    }
}

#[cfg(not(unix))]
fn space(_dir: &Path) -> Check {
    note(
        "free space",
        "not known on this system",
        format!("make sure that {:.0} GB are free", SPACE_NEEDED as f64 / 1e9),
    )
}

fn lock(dir: &Path) -> Check {
    const WHAT: &str = "lock";
    match DataDirLock::acquire(dir) {
        Ok(_) => good(WHAT, "nobody else uses the data folder"),
        Err(error) => red(
            WHAT,
            error.message,
            "stop the other showrunner (Ctrl-C where it runs), or choose another folder with --data-dir",
        ),
    }
}

const DATABASE: &str = "control database";

async fn database(dir: &Path, unused: bool) -> Check {
    const WHAT: &str = DATABASE;
    if !dir.join(FILE_NAME).is_file() {
        return good(WHAT, "not there yet: the first start creates it");
    }
    let fix_open =
        format!("restore {FILE_NAME} from a copy of the data folder, or delete the folder for a factory reset");
    let store = match Store::open_existing(dir, Arc::new(SystemClock)).await {
        Ok(store) => store,
        Err(error) => return red(WHAT, error.chain(), fix_open),
    };
    let pending = match store.pending_migrations().await {
        Ok(pending) => pending,
        Err(error) => return red(WHAT, error.chain(), fix_open),
    };
    if unused && let Err(error) = store.check_writable().await {
        return red(WHAT, error.chain(), format!("chmod u+rw '{}'/{FILE_NAME}*", dir.display()));
    }
    store.close().await;
    if pending.is_empty() {
        good(WHAT, "opens, migrated")
    } else {
        red(
            WHAT,
            format!("{} migrations are missing", pending.len()),
            format!("showrunner migrate --data-dir '{}'", dir.display()),
        )
    }
}

async fn source<D>(config: &Config, days: impl Future<Output = Result<Vec<D>>>) -> Check {
    const WHAT: &str = "source data";
    let seed = format!(
        "showrunner seed --data-dir '{}', or press 'Seed the history' on the page",
        config.data.data_dir.display()
    );
    match days.await {
        Ok(days) if !days.is_empty() => good(WHAT, format!("{} days in the source bucket", days.len())),
        Ok(_) => note(WHAT, "none yet", seed),
        Err(error) if error.kind == crate::ErrorKind::NotFound => note(WHAT, "none yet", seed),
        Err(error) => red(WHAT, error.message, "make the data folder readable, or choose another with --data-dir"),
    }
}

fn client() -> Check {
    const WHAT: &str = "client assets";
    if crate::http::embedded() {
        good(WHAT, "embedded")
    } else {
        red(WHAT, "not in this program: pages work, but without style and live updates", "make build (or make run)")
    }
}

fn story(config: &Config) -> Check {
    const WHAT: &str = "story";
    match crate::story::Story::load(config.story.stories_dir.as_deref()) {
        Ok(stories) => good(WHAT, stories.iter().map(|story| story.title.as_str()).collect::<Vec<_>>().join(", ")),
        Err(error) => red(
            WHAT,
            error.to_string(),
            "correct the file, or leave out --stories-dir to use the stories in the program",
        ),
    }
}

fn sign_in(config: &SignInConfig) -> Check {
    const WHAT: &str = "sign-in";
    match config.provider() {
        Err(error) => red(WHAT, error.message, "set what is missing, or leave out SHOWRUNNER_OIDC_ISSUER"),
        Ok(None) => good(WHAT, "roles are chosen by name, on this machine alone"),
        Ok(Some(provider)) if config.admins.is_empty() => note(
            WHAT,
            format!("{} signs people in, and nobody is an admin from the start", provider.issuer),
            "set SHOWRUNNER_ADMINS to the e-mail addresses of those who are",
        ),
        Ok(Some(provider)) if !config.https() && !config.public_host().is_some_and(local) => note(
            WHAT,
            format!("{} signs people in, and their sessions travel unencrypted", provider.issuer),
            "set SHOWRUNNER_PUBLIC_URL to an https address, and put something that terminates TLS before this server",
        ),
        Ok(Some(provider)) => good(WHAT, format!("{} signs people in", provider.issuer)),
    }
}

const PUSHES: &str = "pushes";

/// Whether whoever pushes can be recognised; nothing where nobody may push.
async fn hook(config: &Config) -> Option<Check> {
    let fix = "set what is missing, or leave out both to take no pushes";
    match config.hook.settings() {
        Err(error) => Some(red(PUSHES, error.message, fix)),
        Ok(None) => None,
        Ok(Some(settings)) => match Hook::new(settings, Arc::new(SystemClock)) {
            Err(error) => Some(red(PUSHES, error.message, fix)),
            Ok(hook) => hooked(Some(&hook), &config.sign_in).await,
        },
    }
}

async fn hooked(hook: Option<&Hook>, sign_in: &SignInConfig) -> Option<Check> {
    let hook = hook?;
    let issuer = &hook.settings().issuer;
    Some(match hook.count_keys().await {
        Err(error) => red(PUSHES, error.message, format!("curl -sS {issuer}/.well-known/openid-configuration")),
        Ok(0) => red(PUSHES, format!("{issuer} names no keys"), "set SHOWRUNNER_HOOK_ISSUER to who signs the tokens"),
        Ok(_) if sign_in.public_url.is_none() => note(
            PUSHES,
            format!("the keys of {issuer} are there, but this server answers under no public name"),
            "set SHOWRUNNER_PUBLIC_URL to the https address that Pub/Sub pushes to",
        ),
        Ok(keys) => good(PUSHES, format!("{issuer} answers, with {}", crate::format::plural(keys as u64, "key"))),
    })
}

fn local(host: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|name| host == *name || host.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
}

fn port(serve: &ServeConfig, sign_in: &SignInConfig) -> Check {
    const WHAT: &str = "port";
    let addr = match serve.checked(sign_in) {
        Ok(addr) => addr,
        Err(error) => {
            return red(WHAT, error.message, format!("--addr 127.0.0.1:{}", serve.addr.port()));
        }
    };
    match std::net::TcpListener::bind(addr) {
        Ok(_) => good(WHAT, format!("{addr} is free")),
        Err(error) => red(
            WHAT,
            format!("{addr} cannot be listened to ({error})"),
            format!(
                "stop what uses it (see: ss -ltnp 'sport = :{}'), or choose another with --addr 127.0.0.1:0",
                addr.port()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(checks: &'a [Check], what: &str) -> &'a Check {
        checks.iter().find(|check| check.what == what).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_fresh_folder_is_fine_and_each_red_line_has_a_fix() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::for_tests(dir.path());
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let serve = ServeConfig { addr: taken.local_addr().unwrap() };
        let all = checks(&serve, &config).await;
        for what in ["data folder", "lock", "control database", "story"] {
            assert_eq!(find(&all, what).level, Level::Good, "{what}: {:?}", find(&all, what));
        }
        assert_eq!(find(&all, "source data").level, Level::Note);
        assert_eq!(find(&all, "port").level, Level::Red);
        assert!(all.iter().all(|check| (check.level == Level::Good) == check.fix.is_none()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_held_lock_and_a_damaged_database_are_red() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::for_tests(dir.path());
        std::fs::write(dir.path().join(FILE_NAME), "no database at all, but long enough to be looked at").unwrap();
        let _held = DataDirLock::acquire(dir.path()).unwrap();
        let all = checks(&ServeConfig { addr: "127.0.0.1:0".parse().unwrap() }, &config).await;
        assert_eq!(find(&all, "lock").level, Level::Red);
        assert_eq!(find(&all, "control database").level, Level::Red);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_may_push_has_a_line_where_somebody_may() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::for_tests(dir.path());
        assert_eq!(hook(&config).await, None);
        config.hook.audience = Some("https://show.example.com/hooks/gcs".to_owned());
        let half = hook(&config).await.unwrap();
        assert!(half.level == Level::Red && half.found.contains("SHOWRUNNER_HOOK_ACCOUNT"), "{half:?}");
        config.hook.account = Some("push@acme-demo.iam.gserviceaccount.com".to_owned());
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        config.hook.issuer = format!("http://{closed}");
        let away = hook(&config).await.unwrap();
        assert!(away.level == Level::Red && away.found.contains(&config.hook.issuer), "{away:?}");
        assert!(away.fix.unwrap().contains("openid-configuration"));
    }
}
