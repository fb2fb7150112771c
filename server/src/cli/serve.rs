//! `showrunner serve`

use std::sync::Arc;
use std::time::Duration;

use showrunner_lake::DataDirLock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::{RandomIds, SystemClock};
use crate::config::{Config, ServeConfig};
use crate::error::{Error, ErrorKind, Result};

/// Open connections get this long to end.
const CONNECTIONS_END_WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn run(serve: &ServeConfig, config: &Config) -> Result<i32> {
    let addr = serve.checked(&config.sign_in)?;
    let _lock = DataDirLock::acquire(&config.data.data_dir)?;
    let listener = TcpListener::bind(addr).await.map_err(|error| {
        Error::with(
            ErrorKind::Unavailable,
            format!("{addr} cannot be listened to ({error}). Stop what uses the port, or choose another with --addr."),
            error,
        )
    })?;
    let addr = listener.local_addr()?;
    let state = crate::build(config, Arc::new(SystemClock), Arc::new(RandomIds)).await?;
    let background = state.start().await?;
    let shutdown = CancellationToken::new();
    let mut server = tokio::spawn(crate::http::serve(state.clone(), listener, shutdown.clone()));
    println!("Showrunner is ready at http://{addr}");
    let ended = tokio::select! {
        ended = &mut server => Some(ended),
        () = asked_to_stop() => None,
    };
    shutdown.cancel();
    tracing::info!("stopping; what is under way is resumed at the next start");
    let failed = ended.is_some();
    let result = match ended {
        Some(ended) => ended,
        None => {
            let connections = tokio::time::timeout(CONNECTIONS_END_WITHIN, server);
            let (connections, ()) = tokio::join!(connections, background.stop());
            connections.unwrap_or(Ok(Ok(())))
        }
    };
    state.store.close().await;
    match result {
        Ok(Ok(())) => Ok(i32::from(failed)),
        Ok(Err(error)) => Err(error.into()),
        Err(panic) => {
            Err(Error::with(ErrorKind::Internal, "The server ended by a bug; the log has the details.", panic))
        }
    }
}

/// SIGINT or SIGTERM.
pub(super) async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            },
            Err(_) => {
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupt.await;
    }
}
