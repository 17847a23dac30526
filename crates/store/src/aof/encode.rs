//! Effects as bytes: each command an array of byte strings, `SELECT` where the database changes.

use super::Effect;
use bytes::Bytes;

/// Writes one file. Every file begins anew: its first command says which database it is about.
#[derive(Debug, Default)]
pub struct Encoder {
    /// The database that the last command was about.
    db: Option<usize>,
}

impl Encoder {
    /// Appends an effect.
    pub fn encode(&mut self, effect: &Effect, out: &mut Vec<u8>) {
        match effect {
            Effect::Begin { db } => {
                self.select(*db, out);
                line(&[&b"MULTI"[..]], out);
            }
            Effect::End => line(&[&b"EXEC"[..]], out),
            Effect::Command { db, words } => {
                self.select(*db, out);
                command(words, out);
            }
        }
    }

    pub(super) fn select(&mut self, db: usize, out: &mut Vec<u8>) {
        if self.db.replace(db) != Some(db) {
            line(&[&b"SELECT"[..], db.to_string().as_bytes()], out);
        }
    }
}

/// Appends a command.
pub(super) fn command(words: &[Bytes], out: &mut Vec<u8>) {
    head(b'*', words.len(), out);
    words.iter().for_each(|word| string(word, out));
}

/// Appends a command of words that are no [`Bytes`].
pub(super) fn line(words: &[&[u8]], out: &mut Vec<u8>) {
    head(b'*', words.len(), out);
    words.iter().for_each(|word| string(word, out));
}

pub(super) fn string(word: &[u8], out: &mut Vec<u8>) {
    head(b'$', word.len(), out);
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn head(sign: u8, number: usize, out: &mut Vec<u8>) {
    out.push(sign);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}
