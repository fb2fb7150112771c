//! BigQuery Storage Write within a test, on the gRPC server of tests.

use prost::Message;

pub use super::grpc::{Asked, Grpc as Storage, Say};
use super::messages::{
    AppendResult, AppendRowsRequest, AppendRowsResponse, FinalizeWriteStreamResponse, Outcome, Status, WriteStream,
};

impl Asked {
    pub fn rows(&self) -> AppendRowsRequest {
        AppendRowsRequest::decode(self.message.as_slice()).expect("rows")
    }
}

impl Say {
    /// Rows are in, here.
    pub fn taken(offset: i64) -> Say {
        let result = Outcome::AppendResult(AppendResult { offset: Some(offset) });
        Say::Message(AppendRowsResponse { response: Some(result), row_errors: Vec::new() }.encode_to_vec())
    }

    /// Rows are not in, but the call goes on.
    pub fn refused(code: i32, message: &str) -> Say {
        let status = Status { code, message: message.to_owned(), details: Vec::new() };
        Say::Message(
            AppendRowsResponse { response: Some(Outcome::Error(status)), row_errors: Vec::new() }.encode_to_vec(),
        )
    }

    /// What a server answers on a good day.
    pub fn usual(asked: &Asked, before: &[Asked]) -> Say {
        match asked.method.as_str() {
            "CreateWriteStream" => {
                let made = before.iter().filter(|b| b.is("CreateWriteStream")).count();
                let name = format!("projects/p/datasets/d/tables/t/streams/s{made}");
                Say::Message(WriteStream { name, r#type: 1 }.encode_to_vec())
            }
            "FinalizeWriteStream" => Say::Message(FinalizeWriteStreamResponse { row_count: 0 }.encode_to_vec()),
            _ => Say::taken(asked.rows().offset.expect("an offset")),
        }
    }
}
