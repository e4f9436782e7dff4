//! SHA-256 of a few short pieces.
//!
//! A walk takes a digest of every head and every part, nearly all of them shorter than half a kilobyte. Those
//! are put together and padded here, in one place on the stack, which takes half the time of feeding a hasher.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

use super::Sha256Digest;

const BLOCK: usize = 64;
const BLOCKS: usize = 8;
/// The padding: one bit, and the length in bits.
const PADDING: usize = 9;
/// The state that SHA-256 begins with (FIPS 180-4, 5.3.3).
const BEGIN: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The digest of `first` and `second` after each other.
pub(super) fn sha256(first: &[u8], second: &[u8]) -> Sha256Digest {
    let length = first.len() + second.len();
    if length + PADDING > BLOCK * BLOCKS {
        return Sha256Digest(Sha256::new().chain_update(first).chain_update(second).finalize().into());
    }
    let mut blocks = [[0u8; BLOCK]; BLOCKS];
    let used = (length + PADDING).div_ceil(BLOCK);
    let bytes = blocks.as_flattened_mut();
    bytes[..first.len()].copy_from_slice(first);
    bytes[first.len()..length].copy_from_slice(second);
    bytes[length] = 0x80;
    let bits = length as u64 * 8;
    bytes[used * BLOCK - 8..used * BLOCK].copy_from_slice(&bits.to_be_bytes());
    let mut state = BEGIN;
    compress256(&mut state, &blocks[..used]);
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    Sha256Digest(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sha_256_of_any_length_and_however_it_is_cut() {
        let bytes: Vec<u8> = (0..700u32).map(|n| (n * 7 + n / 3) as u8).collect();
        for length in 0..bytes.len() {
            let expected = Sha256Digest(Sha256::digest(&bytes[..length]).into());
            for cut in [0, length / 3, length] {
                assert_eq!(sha256(&bytes[..cut], &bytes[cut..length]), expected, "{length} cut at {cut}");
            }
        }
    }
}
