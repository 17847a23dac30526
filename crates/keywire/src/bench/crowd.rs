//! Opening many connections, a few at a time.

use super::client::{Client, Url, scratch};
use super::progress::Progress;
use anyhow::Context;
use std::future::Future;
use std::rc::Rc;
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

/// Sends a request and waits for the frame that carries its `id`; an error frame is an error.
pub async fn ask(client: &mut Client, id: u64, request: &str) -> anyhow::Result<Vec<u8>> {
    client.send(request).await?;
    let mark = format!("{{\"id\":{id},");
    let reply = client.wait(|message| message.starts_with(mark.as_bytes()).then(|| message.to_vec())).await?;
    let refused = reply[mark.len()..].starts_with(b"\"error\"");
    anyhow::ensure!(!refused, "the server refused {request}: {}", String::from_utf8_lossy(&reply));
    Ok(reply)
}
