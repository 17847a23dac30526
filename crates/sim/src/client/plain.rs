//! The side of `/raw` and `/sse`: one feed per connection, and frames that name neither feed nor revision.

use super::{Act, Client, Desk, news_of};
use crate::checks::{Broken, Check};
use crate::copy::{News, Phase, Source};
use serde_json::{Value as Json, json};

impl Client {
    /// A server-sent event.
    pub(super) fn event(
        &mut self,
        name: &str,
        id: Option<String>,
        data: Option<String>,
        desk: &mut Desk<'_>,
    ) -> Result<(), Broken> {
        let Some(data) = data else {
            if let Some(id) = id {
                self.told_place(&id, desk);
            }
            return Ok(());
        };
        let data: Json = serde_json::from_str(&data).map_err(|error| (Check::Format, error.to_string()))?;
        let tag = id.unwrap_or_default();
        let member = if name == "failed" { "error" } else { name };
        let message = match (name, &data) {
            ("value" | "patch", _) => json!({ "tag": tag, member: data }),
            ("message", Json::Object(pattern)) => json!({ "message": pattern["message"] }),
            _ => json!({ member: data }),
        };
        let news = news_of(&message).ok_or_else(|| (Check::Format, format!("{name} {data} says nothing")))?;
        if let News::Closed(code) = &news {
            if code == "RESET" {
                self.copies[0].place = None;
            }
            desk.acts.push(Act::HangUp);
            return Ok(());
        }
        self.plain(news, desk)
    }

    /// An `id:` alone: the value is still the one that the client has, or where it is in a stream.
    fn told_place(&mut self, id: &str, desk: &Desk<'_>) {
        let copy = &mut self.copies[0];
        copy.phase = Phase::Open(0);
        copy.open_since = desk.now;
        if let (Source::Stream(_), Ok(place)) = (&copy.source, id.parse()) {
            copy.place = Some(place);
        }
    }

    /// News on a connection that has one feed.
    pub(super) fn plain(&mut self, news: News, desk: &mut Desk<'_>) -> Result<(), Broken> {
        let is_query = matches!(self.copies[0].source, Source::Query { .. });
        if let News::Bare(text) = &news
            && let Some(error) = text.strip_prefix("(error) ")
            && (!is_query || ["UNAVAILABLE", "TOOMANY", "TOOBIG"].iter().any(|code| error.starts_with(code)))
        {
            if error.starts_with("RESET") {
                self.copies[0].place = None;
            }
            desk.acts.push(Act::HangUp);
            return Ok(());
        }
        if self.copies[0].phase != Phase::Open(0) {
            self.copies[0].phase = Phase::Open(0);
            self.copies[0].open_since = desk.now;
        }
        self.news(0, news, desk)
    }
}
