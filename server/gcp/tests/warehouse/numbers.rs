//! Our messages of Storage Write against Google's own definitions, as the Python package google-cloud-bigquery-storage brings them: what we
//! write they read, and what they write we read.

use std::path::PathBuf;
use std::process::Command;

use prost::Message;
use serde_json::{Value, json};

use super::bigquery::left_out;
use super::messages::{
    Any, AppendResult, AppendRowsRequest, AppendRowsResponse, ArrowData, ArrowRecordBatch, ArrowSchema,
    CreateWriteStreamRequest, FinalizeWriteStreamRequest, FinalizeWriteStreamResponse, Outcome, RowError, Status,
    StorageError, StorageErrorCode, StreamType, WriteStream,
};

/// (`type_` is how Python spells `type`.) Reads each message of ours with Google's class of that name, and writes what it holds as JSON and as bytes again.
const PROGRAM: &str = r#"
import json, sys
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import json_format, unknown_fields
from google.rpc import status_pb2
out = []
for name, text in json.load(sys.stdin):
    kind = status_pb2.Status if name == "Status" else getattr(types, name).pb()
    message = kind.FromString(bytes.fromhex(text))
    assert len(unknown_fields.UnknownFieldSet(message)) == 0, name
    told = json_format.MessageToDict(message, preserving_proto_field_name=True) if name != "Status" else {"code": message.code, "message": message.message, "details": [any.type_url for any in message.details]}
    out.append([told, message.SerializeToString(deterministic=True).hex()])
json.dump(out, sys.stdout)
"#;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn our_messages_are_googles() {
    let Some(environment) = std::env::var_os("SHOWRUNNER_PEERS").map(PathBuf::from) else {
        left_out(
            "the messages of Storage Write: set SHOWRUNNER_PEERS to a Python environment with google-cloud-bigquery-storage",
        );
        return;
    };
    let stream = WriteStream { name: "s".to_owned(), r#type: StreamType::Committed as i32 };
    let error = StorageError { code: StorageErrorCode::OffsetOutOfRange as i32 };
    let any =
        Any { type_url: "x/google.cloud.bigquery.storage.v1.StorageError".to_owned(), value: error.encode_to_vec() };
    let status = Status { code: 3, message: "m".to_owned(), details: vec![any] };
    let arrow = ArrowData {
        writer_schema: Some(ArrowSchema { serialized_schema: b"abc".as_slice().into() }),
        rows: Some(ArrowRecordBatch { serialized_record_batch: b"abc".as_slice().into() }),
    };
    let append = AppendRowsRequest {
        write_stream: "s".to_owned(),
        offset: Some(7),
        arrow_rows: Some(arrow),
        trace_id: "t".to_owned(),
    };
    let taken = AppendRowsResponse {
        response: Some(Outcome::AppendResult(AppendResult { offset: Some(7) })),
        row_errors: vec![RowError { index: 2, message: "r".to_owned() }],
    };
    let refused = AppendRowsResponse { response: Some(Outcome::Error(status.clone())), row_errors: Vec::new() };
    let create = CreateWriteStreamRequest { parent: "p".to_owned(), write_stream: Some(stream.clone()) };
    let finalize = FinalizeWriteStreamRequest { name: "s".to_owned() };
    let ended = FinalizeWriteStreamResponse { row_count: 7 };
    let mut ours: Vec<(&str, Vec<u8>, Value)> = vec![
        (
            "CreateWriteStreamRequest",
            create.encode_to_vec(),
            json!({"parent": "p", "write_stream": {"name": "s", "type_": "COMMITTED"}}),
        ),
        ("WriteStream", stream.encode_to_vec(), json!({"name": "s", "type_": "COMMITTED"})),
        (
            "AppendRowsRequest",
            append.encode_to_vec(),
            json!({
                "write_stream": "s", "offset": "7", "trace_id": "t",
                "arrow_rows": {"writer_schema": {"serialized_schema": "YWJj"}, "rows": {"serialized_record_batch": "YWJj"}},
            }),
        ),
        (
            "AppendRowsResponse",
            taken.encode_to_vec(),
            json!({
                "append_result": {"offset": "7"}, "row_errors": [{"index": "2", "message": "r"}],
            }),
        ),
        ("FinalizeWriteStreamRequest", finalize.encode_to_vec(), json!({"name": "s"})),
        ("FinalizeWriteStreamResponse", ended.encode_to_vec(), json!({"row_count": "7"})),
        ("Status", status.encode_to_vec(), json!({"code": 3, "message": "m", "details": [status.details[0].type_url]})),
    ];
    for (code, name) in [
        (StorageErrorCode::StreamNotFound, "STREAM_NOT_FOUND"),
        (StorageErrorCode::InvalidStreamState, "INVALID_STREAM_STATE"),
        (StorageErrorCode::StreamFinalized, "STREAM_FINALIZED"),
        (StorageErrorCode::OffsetAlreadyExists, "OFFSET_ALREADY_EXISTS"),
        (StorageErrorCode::OffsetOutOfRange, "OFFSET_OUT_OF_RANGE"),
    ] {
        ours.push(("StorageError", StorageError { code: code as i32 }.encode_to_vec(), json!({"code": name})));
    }
    let input: Vec<(&str, String)> = ours.iter().map(|(name, bytes, _)| (*name, hex(bytes))).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("messages.json");
    std::fs::write(&file, serde_json::to_string(&input).expect("JSON")).expect("a file");
    let run = Command::new(environment.join("bin/python"))
        .args(["-c", PROGRAM])
        .stdin(std::fs::File::open(&file).expect("the file"))
        .output()
        .expect("Python runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let theirs: Vec<(Value, String)> = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(theirs.len(), ours.len());
    for ((name, bytes, expected), (told, written)) in ours.iter().zip(theirs) {
        assert_eq!(&told, expected, "{name}");
        assert_eq!(written, hex(bytes), "{name} comes back as it went");
    }
    assert_eq!(AppendRowsResponse::decode(refused.encode_to_vec().as_slice()), Ok(refused));
}
