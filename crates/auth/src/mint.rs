//! Making a token, for trying things out and for scripts.

use crate::keys::check_secret;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value};

/// What a token is made of.
#[derive(Debug)]
pub struct Minting<'a> {
    /// The algorithm's name.
    pub algorithm: &'a str,
    /// The secret, or the private key in PEM.
    pub key: &'a [u8],
    /// The key's name.
    pub key_id: Option<String>,
    /// What the token says.
    pub claims: &'a Map<String, Value>,
}

/// Makes a token.
///
/// # Errors
/// What is wrong with the key.
pub fn mint(minting: &Minting<'_>) -> Result<String, String> {
    let algorithm = crate::keys::algorithm(minting.algorithm);
    let algorithm = algorithm.ok_or_else(|| format!("{:?} is no algorithm", minting.algorithm))?;
    let wrong = |error: jsonwebtoken::errors::Error| format!("this is no private key for it in PEM (PKCS #8): {error}");
    let key = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            check_secret(algorithm, minting.key)?;
            EncodingKey::from_secret(minting.key)
        }
        Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(minting.key).map_err(wrong)?,
        Algorithm::EdDSA => EncodingKey::from_ed_pem(minting.key).map_err(wrong)?,
        _ => EncodingKey::from_rsa_pem(minting.key).map_err(wrong)?,
    };
    let header = Header { kid: minting.key_id.clone(), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, minting.claims, &key).map_err(wrong)
}
