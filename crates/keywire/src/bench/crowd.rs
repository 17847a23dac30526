//! Opening many connections, a few at a time.

use super::client::{Client, Url, scratch};
use super::progress::Progress;
use anyhow::Context;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Handshakes under way at once: under any server's listen backlog.
const AT_ONCE: usize = 100;

/// Opens `count` connections and greets each by `greet` (subscribes, say). The first failure is the whole's.
pub async fn open<F, G>(url: &Url, count: usize, progress: &Progress, greet: F) -> anyhow::Result<Vec<Client>>
where
    F: Fn(usize, Client) -> G + 'static,
    G: Future<Output = anyhow::Result<Client>>,
{
    let (places, greet, scratch) = (Rc::new(Semaphore::new(AT_ONCE)), Rc::new(greet), scratch());
    let mut opening = JoinSet::new();
    for index in 0..count {
        let (url, places, greet, scratch) = (url.clone(), places.clone(), greet.clone(), scratch.clone());
        opening.spawn_local(async move {
            let _place = places.acquire().await?;
            let client = async { greet(index, Client::connect(&url, scratch).await?).await };
            client.await.with_context(|| format!("connection {} of {count}", index + 1))
        });
    }
    progress.begin("connecting", count as u64);
    let mut clients = Vec::with_capacity(count);
    while let Some(client) = opening.join_next().await {
        clients.push(client.context("a connection's task")??);
        progress.set(clients.len() as u64);
    }
    Ok(clients)
}

/// A request of the setting-up that is not answered for so long will not be.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends a request and waits for the frame that carries its `id`; an error frame is an error.
pub async fn ask(client: &mut Client, id: u64, request: &str) -> anyhow::Result<Vec<u8>> {
    client.send(request).await?;
    let answer = client.wait(|message| Answer::to(id, message));
    let answer = tokio::time::timeout(REPLY_TIMEOUT, answer).await;
    match answer.with_context(|| format!("no reply to {request}"))?? {
        Answer::Reply(frame) => Ok(frame),
        Answer::Refused(error) => anyhow::bail!("the server refused {request}: {error}"),
    }
}

enum Answer {
    Reply(Vec<u8>),
    Refused(String),
}

impl Answer {
    /// What the frame answers to request `id`; none if it answers another, or none.
    fn to(id: u64, frame: &[u8]) -> Option<Answer> {
        let reply: serde_json::Value = serde_json::from_slice(frame).ok()?;
        let answers = reply["id"] == id;
        answers.then(|| match reply.get("error") {
            Some(error) => Answer::Refused(error.to_string()),
            None => Answer::Reply(frame.to_vec()),
        })
    }
}
