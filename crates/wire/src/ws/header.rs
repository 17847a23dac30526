//! The head of a frame: two bytes, an extended length, a mask (RFC 6455, 5.2). Judged as early as its bytes allow.

use super::decode::{Error, Role};

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message begun before.
    Continuation = 0,
    /// Text, or the first fragment of one.
    Text = 1,
    /// Bytes, or the first fragment of some.
    Binary = 2,
    /// The end of the connection.
    Close = 8,
    /// A ping.
    Ping = 9,
    /// Its answer.
    Pong = 10,
}

impl Opcode {
    /// Close, ping and pong: never fragmented, and allowed between the fragments of a message.
    pub fn is_control(self) -> bool {
        self as u8 >= 8
    }

    fn from_bits(bits: u8) -> Option<Opcode> {
        Some(match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }
}

/// 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
pub const CONTROL_PAYLOAD_MAX: usize = 125;

/// The longest head: two bytes, a 64-bit length, a mask.
pub(super) const HEAD_BYTES_MAX: usize = 14;

pub(super) const FIN: u8 = 0x80;
/// RFC 7692, 6: the bit "Per-Message Compressed".
pub(super) const RSV1: u8 = 0x40;
pub(super) const MASKED: u8 = 0x80;
pub(super) const LENGTH_16: u8 = 126;
pub(super) const LENGTH_64: u8 = 127;

/// A frame's head, decoded and allowed to this role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// What the frame is.
    pub opcode: Opcode,
    /// Whether it is the last fragment of its message.
    pub fin: bool,
    /// Whether it begins a compressed message.
    pub compressed: bool,
    /// Bytes of payload.
    pub len: u64,
    /// All zero if the frame is not masked: then unmasking changes nothing.
    pub mask: [u8; 4],
}

impl Head {
    /// The head at the beginning of `bytes` and how many bytes it takes; `None` if more bytes are needed.
    ///
    /// `deflates`: the extension that gives RSV1 a meaning was agreed to.
    ///
    /// A length in a longer form than needed is taken all the same: the rule binds senders, and no reader gains by it.
    pub fn parse(bytes: &[u8], role: Role, deflates: bool) -> Result<Option<(Head, usize)>, Error> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (opcode, fin, compressed) = first_byte(first, deflates)?;
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let masked = second & MASKED != 0;
        check_mask(masked, role)?;
        let short = second & !MASKED;
        if opcode.is_control() && usize::from(short) > CONTROL_PAYLOAD_MAX {
            return Err(Error::Protocol("control frame with more than 125 bytes"));
        }
        let Some((len, mut at)) = length(short, bytes)? else { return Ok(None) };
        let mut mask = [0; 4];
        if masked {
            let Some(key) = bytes.get(at..at + 4) else { return Ok(None) };
            mask.copy_from_slice(key);
            at += 4;
        }
        Ok(Some((Head { opcode, fin, compressed, len, mask }, at)))
    }
}

fn first_byte(first: u8, deflates: bool) -> Result<(Opcode, bool, bool), Error> {
    // 5.2: "If a nonzero value is received and none of the negotiated extensions defines the meaning of such a nonzero
    // value, the receiving endpoint MUST _Fail the WebSocket Connection_."
    let allowed = if deflates { RSV1 } else { 0 };
    if first & 0x70 & !allowed != 0 {
        return Err(Error::Protocol("reserved bits are set"));
    }
    // 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_."
    let opcode = Opcode::from_bits(first & 0x0f).ok_or(Error::Protocol("unknown opcode"))?;
    let fin = first & FIN != 0;
    if opcode.is_control() && !fin {
        return Err(Error::Protocol("fragmented control frame"));
    }
    let compressed = first & RSV1 != 0;
    // RFC 7692, 6.1: "An endpoint MUST NOT set the "Per-Message Compressed" bit of control frames and non-first fragments of
    // a data message. An endpoint receiving such a frame MUST _Fail the WebSocket Connection_."
    if compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
        return Err(Error::Protocol("compressed, but begins no message"));
    }
    Ok((opcode, fin, compressed))
}

/// 5.1: "The server MUST close the connection upon receiving a frame that is not masked. […] A client MUST close a
/// connection if it detects a masked frame."
fn check_mask(masked: bool, role: Role) -> Result<(), Error> {
    match (role, masked) {
        (Role::Server, false) => Err(Error::Protocol("frame is not masked")),
        (Role::Client, true) => Err(Error::Protocol("frame is masked")),
        _ => Ok(()),
    }
}

/// The payload's length and where the head goes on; `None` if more bytes are needed.
fn length(short: u8, bytes: &[u8]) -> Result<Option<(u64, usize)>, Error> {
    Ok(match short {
        LENGTH_16 => bytes.get(2..4).map(|b| (u64::from(u16::from_be_bytes([b[0], b[1]])), 4)),
        LENGTH_64 => {
            let Some(b) = bytes.get(2..10) else { return Ok(None) };
            let len = u64::from_be_bytes(b.try_into().expect("eight bytes were taken"));
            // 5.2: "a 64-bit unsigned integer (the most significant bit MUST be 0)".
            if len >> 63 != 0 {
                return Err(Error::Protocol("length with its highest bit set"));
            }
            Some((len, 10))
        }
        len => Some((u64::from(len), 2)),
    })
}
