//! The least HTTP client that measures: one request a connection, signed in as an admin.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// An answer, or what went wrong.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Sessions by address.
static SESSIONS: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

/// Status and the whole answer, headers included. Errors are those of the connection, or an answer that is no HTTP.
pub fn get(address: &str, path: &str) -> Outcome<(u16, String)> {
    signed_in(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/html\r\n"), "")
}

/// As [`get`], with another cookie beside the session's; an empty one is none.
pub fn get_with(address: &str, path: &str, cookie: &str) -> Outcome<(u16, String)> {
    let cookie = if cookie.is_empty() { String::new() } else { format!("cookie: {cookie}\r\n") };
    signed_in(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/html\r\n{cookie}"), "")
}

/// Status and body of what a program asks for.
pub fn json(address: &str, path: &str) -> Outcome<(u16, String)> {
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: application/json\r\n");
    let (status, answer) = signed_in(address, &head, "")?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    Ok((status, body.ok_or("an answer without a body")?))
}

/// Posts a form as a browser without JavaScript does; answer and errors as for [`get`].
pub fn post(address: &str, path: &str, form: &str) -> Outcome<(u16, String)> {
    signed_in(address, &form_head(address, path, form.len()), form)
}

/// The session's cookie, `name=value`, of an admin; of the one before unless `anew`.
pub fn session(address: &str, anew: bool) -> Outcome<String> {
    let mut sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = sessions.get(address).filter(|_| !anew) {
        return Ok(known.clone());
    }
    let form = "role=admin";
    let (_, answer) = send(address, &format!("{}\r\n{form}", form_head(address, "/sign-in", form.len())))?;
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    let cookie = cookie.ok_or("signing in gave no cookie")?.to_owned();
    sessions.insert(address.to_owned(), cookie.clone());
    Ok(cookie)
}

fn form_head(address: &str, path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\nreferer: http://{address}/\r\naccept: text/html\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\nconnection: close\r\n"
    )
}

/// Signs in once more when another server, on another data folder, answers at the address by now.
fn signed_in(address: &str, head: &str, body: &str) -> Outcome<(u16, String)> {
    for anew in [false, true] {
        let cookie = session(address, anew)?;
        let close = if head.contains("connection:") { "" } else { "connection: close\r\n" };
        let (status, answer) = send(address, &format!("{head}{close}cookie: {cookie}\r\n\r\n{body}"))?;
        let asks = status == 401 || answer.lines().any(|line| line.starts_with("location: /sign-in"));
        if anew || !asks {
            return Ok((status, answer));
        }
    }
    Err("never signed in".into())
}

fn send(address: &str, request: &str) -> Outcome<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or("no HTTP answer")?;
    Ok((status, text))
}
