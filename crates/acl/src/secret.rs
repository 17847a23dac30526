//! Passwords that nobody can guess: a secret that is passed in, and a count, hashed. Who sees some of them learns nothing of
//! the others.

use sha2::{Digest, Sha256};

/// The secret, and how much was made of it.
#[derive(Clone)]
pub struct Secret {
    secret: [u8; 32],
    made: u64,
}

impl Secret {
    /// With 32 bytes that nobody knows.
    pub fn new(secret: [u8; 32]) -> Secret {
        Secret { secret, made: 0 }
    }

    /// So many hexadecimal digits.
    pub fn digits(&mut self, count: usize) -> String {
        let mut text = String::with_capacity(count + 64);
        while text.len() < count {
            self.made += 1;
            let block = Sha256::new().chain_update(self.secret).chain_update(self.made.to_be_bytes()).finalize();
            text.extend(block.iter().map(|byte| format!("{byte:02x}")));
        }
        text.truncate(count);
        text
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_password_is_another_and_as_long_as_wanted() {
        let mut secret = Secret::new([7; 32]);
        let [a, b, c] = [64, 64, 2].map(|count| secret.digits(count));
        assert!(a != b && a.len() == 64 && c.len() == 2 && !a.starts_with(&c));
        assert_eq!(secret.digits(1024).len(), 1024);
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
