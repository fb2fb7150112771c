//! The least HTTP client that measures: one request a connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer, or what went wrong.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Status and the whole answer, headers included. Errors are those of the connection, or an answer that is no HTTP.
pub fn get(address: &str, path: &str) -> Outcome<(u16, String)> {
    send(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/html\r\nconnection: close\r\n\r\n"))
}

/// Status and body of what a program asks for.
pub fn json(address: &str, path: &str) -> Outcome<(u16, String)> {
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: application/json\r\nconnection: close\r\n\r\n");
    let (status, answer) = send(address, &request)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    Ok((status, body.ok_or("an answer without a body")?))
}

/// Posts a form as a browser without JavaScript does; answer and errors as for [`get`].
pub fn post(address: &str, path: &str, form: &str) -> Outcome<(u16, String)> {
    let length = form.len();
    send(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\nreferer: http://{address}/\r\naccept: text/html\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{form}"
        ),
    )
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
