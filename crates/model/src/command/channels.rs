//! Which arguments of a command are channels or patterns of channels. `COMMAND` does not say, so it is said here.

use super::CommandSpec;
use bytes::Bytes;

/// What a command does with the channels it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelUse {
    /// Sends to one channel, the first argument.
    Publish,
    /// Listens to the channels that all arguments name.
    Subscribe,
    /// Listens to all channels that the arguments, which are globs, match.
    SubscribePattern,
    /// Stops listening: needs no right.
    Unsubscribe,
}

impl ChannelUse {
    pub(super) fn of(name: &str) -> Option<ChannelUse> {
        match name {
            "publish" | "spublish" => Some(ChannelUse::Publish),
            "subscribe" | "ssubscribe" => Some(ChannelUse::Subscribe),
            "psubscribe" => Some(ChannelUse::SubscribePattern),
            "unsubscribe" | "sunsubscribe" | "punsubscribe" => Some(ChannelUse::Unsubscribe),
            _ => None,
        }
    }
}

/// The channels of one command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channels<'a> {
    /// What happens to them.
    pub kind: ChannelUse,
    /// Their names, or patterns.
    pub names: &'a [Bytes],
}

impl CommandSpec {
    /// The channels or patterns that a command line of this command names; `None` if the command knows no channels.
    pub fn channels<'a>(&self, command: &'a [Bytes]) -> Option<Channels<'a>> {
        let kind = self.channel_use?;
        let arguments = command.get(1..).unwrap_or_default();
        let names = match kind {
            ChannelUse::Publish => arguments.get(..1).unwrap_or_default(),
            _ => arguments,
        };
        Some(Channels { kind, names })
    }
}

#[cfg(test)]
mod tests {
    use super::super::CommandTable;
    use super::*;

    #[test]
    fn channels_are_where_redis_has_them() {
        let table = CommandTable::redis();
        for (line, kind, count) in [
            ("PUBLISH c m", ChannelUse::Publish, 1),
            ("SPUBLISH c m", ChannelUse::Publish, 1),
            ("SUBSCRIBE a b c", ChannelUse::Subscribe, 3),
            ("SSUBSCRIBE a", ChannelUse::Subscribe, 1),
            ("PSUBSCRIBE a* b*", ChannelUse::SubscribePattern, 2),
            ("UNSUBSCRIBE", ChannelUse::Unsubscribe, 0),
        ] {
            let command: Vec<Bytes> = line.split(' ').map(|w| Bytes::copy_from_slice(w.as_bytes())).collect();
            let channels = table.find(&command).unwrap().channels(&command).unwrap();
            assert_eq!((channels.kind, channels.names), (kind, &command[1..1 + count]), "{line}");
        }
        assert_eq!(table.get("get").unwrap().channels(&[]), None);
    }
}
