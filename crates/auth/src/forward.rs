//! Forward auth: the application, which knows its own sessions, is asked who a client is.
//!
//! It gets the headers that the settings name (cookies among them) and, in `x-keywire-uri`, the path that was asked for. Where
//! the client is, is not the client's to say: `x-forwarded-for` and `x-real-ip` are the address that the doors found out, or
//! are not there. It answers 200 with JSON:
//!
//! ```json
//! {"user":"ann","rules":["~user:{user}:*","+@read"],"roles":["player"],"expires":1790000000,"id":"session-7","claims":{"team":5}}
//! ```
//!
//! All but `user` may be left out; without `user`, or with 204, the client is anonymous. 401 and 403 refuse it. Anything
//! else, and an answer that does not come in time, is no answer: nobody is let in, and may come again.

use crate::carried::Carried;
use crate::config::{Config, Forward};
use crate::denial::Denial;
use crate::fetch::{Client, shown};
use crate::gate::Now;
use crate::rights::Said;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// An answer is small.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// The application is asked so often at the same time; others wait, within the time that an answer may take.
const QUESTIONS_MAX: usize = 128;

/// Headers that say where a client is.
const ADDRESS_HEADERS: [&str; 2] = ["x-forwarded-for", "x-real-ip"];

/// Asks the application.
pub(crate) struct Asker {
    config: Forward,
    client: Client,
    /// Where requests are made, whichever thread asks.
    runtime: Handle,
    places: Arc<Semaphore>,
}

impl Asker {
    pub fn new(forward: Forward, config: &Config) -> Result<Asker, String> {
        let client = Client::new(config.ca.as_deref())?;
        let (runtime, places) = (Handle::current(), Arc::new(Semaphore::new(QUESTIONS_MAX)));
        Ok(Asker { config: forward, client, runtime, places })
    }

    /// What the application says of the client; none: it is nobody in particular.
    pub async fn ask(&self, carried: Carried<'_>, now: Now) -> Result<Option<Said>, Denial> {
        let (client, url, places) = (self.client.clone(), self.config.url.clone(), self.places.clone());
        let (timeout, headers) = (self.config.timeout, self.headers(carried));
        let question = async move {
            // Waiting for a place is part of the time that an answer may take.
            let deadline = Instant::now() + timeout;
            let Ok(Ok(_place)) = tokio::time::timeout_at(deadline, places.acquire()).await else {
                return Err("it is asked too much already".to_owned());
            };
            let left = deadline.saturating_duration_since(Instant::now());
            client.get(url, headers, ANSWER_BYTES_MAX, left).await
        };
        let answer = self.runtime.spawn(question).await.unwrap_or_else(|_| Err("this server ends".to_owned()));
        match answer {
            Ok((status, body)) => self.understand(status, &body, now),
            Err(error) => Err(self.no_answer(&error)),
        }
    }

    fn understand(&self, status: StatusCode, body: &Bytes, now: Now) -> Result<Option<Said>, Denial> {
        match status {
            StatusCode::NO_CONTENT => return Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Denial::Bad("the application does not let this client in".to_owned()));
            }
            StatusCode::OK => {}
            other => return Err(self.no_answer(&format!("its status is {other}"))),
        }
        let answer: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| self.no_answer("it is no JSON object"))?;
        Said::by_application(&answer, self.config.lifetime, now).map_err(|what| self.no_answer(&what))
    }

    /// Why is for the log; the client learns that it may come again.
    pub fn no_answer(&self, why: &str) -> Denial {
        tracing::warn!(url = %shown(&self.config.url), error = why, "no answer from the application that knows who clients are");
        Denial::Unavailable("the application that knows who clients are gives no answer".to_owned())
    }

    fn headers(&self, carried: Carried<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for name in self.config.headers.iter().filter_map(|name| name.parse::<HeaderName>().ok()) {
            if ADDRESS_HEADERS.contains(&name.as_str()) {
                let address = carried.address.and_then(|address| HeaderValue::try_from(address.to_string()).ok());
                address.and_then(|address| headers.insert(&name, address));
                continue;
            }
            for value in carried.headers.get_all(&name) {
                headers.append(&name, value.clone());
            }
        }
        if let Some(uri) = carried.uri.path_and_query().and_then(|uri| HeaderValue::from_str(uri.as_str()).ok()) {
            headers.insert("x-keywire-uri", uri);
        }
        headers
    }
}
