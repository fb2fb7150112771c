use super::*;
use crate::clock::system_clock;

fn deletion(key: &str) -> DeleteObject {
    DeleteObject { object: ObjectName::new("b", key) }
}

fn end(key: &str, result: &crate::Result<bool>) {
    Begun::now().end(deletion(key), result, |_| Size { rows: Some(1), bytes: Some(10) });
}

#[tokio::test]
async fn of_the_same_shape_the_first_are_kept_and_the_others_counted() {
    let log = CallLog::new(system_clock());
    noted(log.clone(), async {
        for i in 0..100 {
            end(&format!("k{i}"), &Ok(true));
        }
        end("gone", &Err(Error::new(ErrorKind::NotFound, "There is no gone.")));
        end("broken", &Err(Error::new(ErrorKind::Storage, "The disk is full.")));
    })
    .await;
    let kept = log.take();
    assert_eq!(kept.len(), 14, "twelve that went well, and each other outcome for itself");
    let outcomes: Vec<_> = kept[11..].iter().map(|call| (call.outcome, call.error.as_deref())).collect();
    assert_eq!(
        outcomes,
        [
            (Outcome::Ok, None),
            (Outcome::Absent, Some("There is no gone.")),
            (Outcome::Failed, Some("The disk is full."))
        ]
    );
    // Taken in between, the limit holds for the whole step.
    noted(log.clone(), async { end("k100", &Ok(true)) }).await;
    assert!(log.take().is_empty());
    log.give_back(kept.clone());
    let all = log.finish();
    assert_eq!(all[..14], kept[..]);
    assert_eq!(all.iter().map(|call| call.count).sum::<u64>(), 103);
    let rest = all.last().unwrap();
    assert_eq!((rest.count, rest.rows, rest.bytes), (89, Some(89), Some(890)));
    assert_eq!(rest.operation, deletion("k100").into(), "the last of them stands for all");
    // The next step begins anew.
    noted(log.clone(), async { end("k0", &Ok(true)) }).await;
    assert_eq!(log.finish().len(), 1);
}

#[tokio::test]
async fn notes_follow_the_work_to_other_tasks_and_threads_and_stay_apart() {
    let [a, b] = [CallLog::new(system_clock()), CallLog::new(system_clock())];
    let work = |name: &'static str| async move {
        let inner = tokio::spawn(carried(async move { end(name, &Ok(true)) }));
        let here = scope();
        let thread = std::thread::spawn(move || {
            Begun::within(here.as_ref()).end(deletion(name), &Ok(true), |_| Size::default());
        });
        inner.await.unwrap();
        thread.join().unwrap();
        let expected = if scope().is_some() { "2017-07-29" } else { "" };
        about("2017-07-29".to_owned(), async move { assert_eq!(subject(), expected) }).await;
        assert_eq!(subject(), "");
    };
    tokio::join!(noted(a.clone(), work("a")), noted(b.clone(), work("b")), work("nobody's"));
    for (log, name) in [(a, "a"), (b, "b")] {
        let operations: Vec<_> = log.finish().into_iter().map(|call| call.operation).collect();
        assert_eq!(operations, [deletion(name).into(), deletion(name).into()]);
    }
}
