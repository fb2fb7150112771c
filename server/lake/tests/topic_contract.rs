//! The embedded topic keeps the port's contract.

use showrunner_lake::ports::Topic;
use showrunner_lake::testing::topic_contract;
use showrunner_lake::topic::LocalTopic;

#[tokio::test]
async fn in_process() {
    topic_contract(async || Box::new(LocalTopic::default()) as Box<dyn Topic>).await;
}
