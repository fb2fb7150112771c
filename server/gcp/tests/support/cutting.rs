//! A TCP proxy that loses connections where it is told to.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

struct Plan {
    /// Bytes that still get through to the server; then the connection is lost, and the next one is whole.
    up: AtomicI64,
    /// Whether answers get lost.
    deaf: AtomicBool,
    /// Those that were.
    lost: Mutex<Vec<u8>>,
    /// Loses every connection.
    cut: Notify,
    connections: AtomicUsize,
}

/// The proxy; it ends when it is dropped.
pub struct Cutting {
    pub url: String,
    plan: Arc<Plan>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Cutting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cutting {
    /// In front of a server.
    pub async fn start(server: &str) -> Cutting {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let plan = Arc::new(Plan {
            up: AtomicI64::new(i64::MAX),
            deaf: AtomicBool::new(false),
            lost: Mutex::default(),
            cut: Notify::new(),
            connections: AtomicUsize::new(0),
        });
        let plan_of_task = plan.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, plan) = (server.clone(), plan_of_task.clone());
                plan.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let server = TcpStream::connect(server).await.expect("the server answers");
                    let ((from, to), (answers, back)) = (client.into_split(), server.into_split());
                    tokio::select! {
                        () = up(from, back, &plan) => {}
                        () = down(answers, to, &plan) => {}
                        () = plan.cut.notified() => {}
                    }
                });
            }
        });
        Cutting { url, plan, task }
    }

    /// Loses the connection when so many more bytes have gone to the server.
    pub fn cut_after(&self, bytes: i64) {
        self.plan.up.store(bytes, Ordering::SeqCst);
    }

    /// Lets everything through to the server, and nothing back.
    pub fn lose_answers(&self) {
        self.plan.deaf.store(true, Ordering::SeqCst);
    }

    /// Whether there is such a text in the answers that were lost.
    pub fn has_lost(&self, text: &str) -> bool {
        self.plan.lost.lock().expect("not poisoned").windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// Loses every connection there is; the next ones are whole.
    pub fn cut(&self) {
        self.plan.deaf.store(false, Ordering::SeqCst);
        self.plan.cut.notify_waiters();
    }

    pub fn connections(&self) -> usize {
        self.plan.connections.load(Ordering::SeqCst)
    }

    /// Whether the limit of [`Cutting::cut_after`] was reached.
    pub fn was_cut(&self) -> bool {
        self.plan.up.load(Ordering::SeqCst) == i64::MAX
    }
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, plan: &Plan) {
    let mut buffer = [0; 16_384];
    while let Ok(read) = from.read(&mut buffer).await {
        let left = plan.up.load(Ordering::SeqCst);
        let pass = usize::try_from(left).unwrap_or(0).min(read);
        if read == 0 || to.write_all(&buffer[..pass]).await.is_err() {
            return;
        }
        if pass < read {
            // What was let through arrives before the connection ends.
            tokio::time::sleep(Duration::from_millis(50)).await;
            plan.up.store(i64::MAX, Ordering::SeqCst);
            return;
        }
        if left < i64::MAX {
            plan.up.fetch_sub(i64::try_from(pass).expect("small"), Ordering::SeqCst);
        }
    }
}

async fn down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, plan: &Plan) {
    let mut buffer = [0; 16_384];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        if plan.deaf.load(Ordering::SeqCst) {
            plan.lost.lock().expect("not poisoned").extend_from_slice(&buffer[..read]);
        } else if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
