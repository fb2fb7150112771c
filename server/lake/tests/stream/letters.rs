//! Messages that cannot be read: they block nothing, say what is wrong, and can be repaired.

use showrunner_lake::stream::*;

use crate::support::*;

const DAY: &str = "2017-07-29";
const ERRORS: &str = "warehouse.ga_sessions_stream_error_records";

#[tokio::test(flavor = "multi_thread")]
async fn bad_messages_get_a_record_with_the_reason_and_the_others_land() {
    let s = Stream::new().await;
    let mut events = s.sinks.subscribe();
    let mut rows = lines(DAY, 12);
    let good = rows.len() as u64;
    let one = tiny(7, "20170729");
    let bad = [
        ("{\"visitId\": broken".to_owned(), "visitId"),
        (one.replace("\"visitId\":7,", ""), "visitId: the required field is missing"),
        (one.replace("\"visitId\":7", "\"visitId\":\"seven\""), "visitId: expected"),
        (one.replace("\"Germany\"", "49"), "geoNetwork.country: expected a STRING"),
        (one.replace("20170729", "20170231"), "date: expected a day such as 20170729"),
        ("[1, 2]".to_owned(), "an object"),
    ];
    rows.extend(bad.iter().map(|(row, _)| row.clone()));
    s.send(0, &rows).await;
    s.drain().await;
    s.holds(0..good).await;
    let letters = s.sinks.dead_letters(100).await.unwrap();
    assert_eq!(letters.len(), bad.len());
    for letter in &letters {
        let (payload, reason) = &bad[(letter.seq - good) as usize];
        assert_eq!(&letter.payload, payload);
        assert!(letter.reason.contains(reason), "{}: {}", letter.reason, reason);
        assert_eq!((letter.run_id.as_str(), letter.attempt, letter.customer.as_str()), (RUN, 0, CUSTOMER));
        assert_eq!(letter.attributes[ATTRIBUTE_SEQ], letter.seq.to_string());
        assert!(letter.received >= letter.published && !letter.message_id.is_empty());
        assert_eq!(s.sinks.dead_letter(RUN, letter.seq).await.unwrap().as_ref(), Some(letter));
    }
    assert_eq!(s.sinks.dead_letters(2).await.unwrap(), letters[..2]);
    assert_eq!(s.sinks.dead_letter(RUN, 0).await.unwrap(), None);
    let counts = s.sinks.counts().await.unwrap();
    assert_eq!((counts.dead_open, counts.dead_repaired), (bad.len() as u64, 0));
    assert_eq!(counts.bronze_skipped, bad.len() as u64, "bronze comes to the same verdict");
    let mut told = 0;
    while let Ok(event) = events.try_recv() {
        if let StreamEvent::DeadLettered(some) = event.as_ref() {
            told += some.len();
        }
    }
    assert_eq!(told, bad.len());
    let sql =
        format!("SELECT count(*) FROM {ERRORS} WHERE error_message LIKE '%required%' AND customer = 'customer01'");
    assert_eq!(s.number(&sql).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repaired_message_lands_and_its_record_is_settled() {
    let s = Stream::new().await;
    let good = tiny(7, "20170729");
    let bad = good.replace("20170729", "29.7.2017");
    s.publish(vec![message(RUN, 3, 0, &bad)]).await;
    s.drain().await;
    // A repair that fails is one more record of the same message.
    let worse = bad.replace("29.7.2017", "never");
    s.publish(vec![message(RUN, 3, 1, &worse), message(RUN, 3, 1, &worse)]).await;
    s.drain().await;
    let open = s.sinks.dead_letters(10).await.unwrap();
    assert_eq!(open.iter().map(|letter| (letter.seq, letter.attempt)).collect::<Vec<_>>(), [(3, 1)]);
    let counts = s.sinks.counts_of(RUN).await.unwrap();
    assert_eq!((counts.dead_open, counts.dead_repaired, counts.dead_letters), (1, 0, 2));
    s.publish(vec![message(RUN, 3, 2, &good)]).await;
    s.drain().await;
    s.holds([3]).await;
    let repaired = RunCounts { warehouse: 1, bronze: 1, dead_open: 0, dead_repaired: 1, dead_letters: 2 };
    assert_eq!(s.sinks.counts_of(RUN).await.unwrap(), repaired);
    assert!(s.sinks.dead_letters(10).await.unwrap().is_empty());
    assert_eq!(s.sinks.dead_letter(RUN, 3).await.unwrap().map(|letter| letter.attempt), Some(1));
    // All of it is read from the tables.
    let s = s.again().await;
    assert_eq!(s.sinks.counts_of(RUN).await.unwrap(), repaired);
    // The first attempt, delivered once more, is known.
    s.publish(vec![message(RUN, 3, 0, &bad)]).await;
    s.drain().await;
    assert_eq!(s.sinks.counts_of(RUN).await.unwrap(), repaired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_of_any_bytes_is_kept_as_text() {
    let s = Stream::new().await;
    let mut binary = message(RUN, 0, 0, "");
    binary.data = vec![b'{', 0xff, 0, b'}'].into();
    let mut long = message(RUN, 1, 0, "");
    long.data = vec![b'x'; 3_000_000].into();
    let mut stranger = message(RUN, 2, 0, &tiny(1, "20170729"));
    stranger.attributes.insert(ATTRIBUTE_CUSTOMER.to_owned(), "../customer01".to_owned());
    s.publish(vec![binary, long, stranger]).await;
    s.drain().await;
    let letter = async |seq| s.sinks.dead_letter(RUN, seq).await.unwrap().unwrap();
    assert_eq!(letter(0).await.payload, "{\u{fffd}\0}");
    assert!(letter(0).await.reason.contains("UTF-8"));
    let long = letter(1).await;
    assert_eq!(long.payload.len(), 1_000_000);
    assert!(long.reason.contains("3000000 bytes"), "{}", long.reason);
    assert!(letter(2).await.reason.contains("customer"), "{}", letter(2).await.reason);
    s.holds([]).await;
}
