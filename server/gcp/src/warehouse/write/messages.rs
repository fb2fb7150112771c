//! The messages of BigQuery Storage Write, by hand: `google.cloud.bigquery.storage.v1`, only the fields that are used, by Google's numbers
//! (`tests/warehouse/messages.rs` has Google's own definitions read and write them).

use prost::Message;

/// Table, and the stream to be made for it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CreateWriteStreamRequest {
    /// `projects/P/datasets/D/tables/T`.
    #[prost(string, tag = "1")]
    pub parent: String,
    #[prost(message, optional, tag = "2")]
    pub write_stream: Option<WriteStream>,
}

/// A stream of a table.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct WriteStream {
    /// `projects/P/datasets/D/tables/T/streams/S`.
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(enumeration = "StreamType", tag = "2")]
    pub r#type: i32,
}

/// When rows are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
pub(crate) enum StreamType {
    Unspecified = 0,
    /// As soon as they are acknowledged.
    Committed = 1,
}

/// Rows.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendRowsRequest {
    #[prost(string, tag = "1")]
    pub write_stream: String,
    /// `google.protobuf.Int64Value`: they are only taken if this is where the stream ends.
    #[prost(message, optional, tag = "2")]
    pub offset: Option<i64>,
    #[prost(message, optional, tag = "5")]
    pub arrow_rows: Option<ArrowData>,
    #[prost(string, tag = "6")]
    pub trace_id: String,
}

/// Rows as Arrow.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ArrowData {
    #[prost(message, optional, tag = "1")]
    pub writer_schema: Option<ArrowSchema>,
    #[prost(message, optional, tag = "2")]
    pub rows: Option<ArrowRecordBatch>,
}

/// An IPC schema message.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ArrowSchema {
    #[prost(bytes = "bytes", tag = "1")]
    pub serialized_schema: bytes::Bytes,
}

/// An IPC record batch message.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ArrowRecordBatch {
    #[prost(bytes = "bytes", tag = "1")]
    pub serialized_record_batch: bytes::Bytes,
}

/// What became of rows.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendRowsResponse {
    #[prost(oneof = "Outcome", tags = "1, 2")]
    pub response: Option<Outcome>,
    #[prost(message, repeated, tag = "4")]
    pub row_errors: Vec<RowError>,
}

/// In or not.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Outcome {
    #[prost(message, tag = "1")]
    AppendResult(AppendResult),
    #[prost(message, tag = "2")]
    Error(Status),
}

/// Where they are in the stream.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendResult {
    #[prost(message, optional, tag = "1")]
    pub offset: Option<i64>,
}

/// A row that was refused.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RowError {
    #[prost(int64, tag = "1")]
    pub index: i64,
    #[prost(string, tag = "3")]
    pub message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// What a [`Status`] has in its details.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StorageError {
    #[prost(enumeration = "StorageErrorCode", tag = "1")]
    pub code: i32,
}

/// Those that say what became of a stream or of an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
pub(crate) enum StorageErrorCode {
    Unspecified = 0,
    StreamNotFound = 3,
    InvalidStreamState = 5,
    StreamFinalized = 6,
    OffsetAlreadyExists = 8,
    OffsetOutOfRange = 9,
}

/// Ends a stream.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FinalizeWriteStreamRequest {
    #[prost(string, tag = "1")]
    pub name: String,
}

/// How many rows a stream had.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FinalizeWriteStreamResponse {
    #[prost(int64, tag = "1")]
    pub row_count: i64,
}
