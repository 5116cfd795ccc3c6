//! The ledger as a Merkle tree over meters' days: one root that stands for all of them, and from which each of them can be
//! proved alone.
//!
//! The tree is that of RFC 6962, section 2.1, with SHA-256: a leaf is hashed after a byte 0, a node after a byte 1, so
//! that neither can stand for the other; over n leaves the left subtree has as many as the largest power of two below n.
//! The root of no leaves is the hash of nothing.
//!
//! A leaf is a block: a meter's UTC day that holds anything, sorted by site and name, then by day. Its bytes are site and
//! name (*texts*), the number of the day since the epoch (`i64`) and the 32 bytes of the day's digest, in the terms of
//! [`super::digest`], which keeps those digests beside the days; of a period the days at its ends are cut as there.

use super::StoreError;
use super::digest::{self, Block, Digest, put_text};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use wattledger_model::time::Interval;

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// The root of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// SHA-256, hexadecimal.
    pub hex: String,
    /// Blocks under it.
    pub leaves: u64,
}

/// The root over all blocks of the ledger, or over those of an interval.
///
/// # Errors
/// [`StoreError`] where the store cannot be read.
pub fn root(connection: &Connection, interval: Option<Interval>) -> Result<Root, StoreError> {
    with_digest(connection, interval).map(|(root, _)| root)
}

/// Root and digest in one walk over the ledger.
///
/// # Errors
/// As [`root`].
pub fn with_digest(
    connection: &Connection,
    interval: Option<Interval>,
) -> Result<(Root, Digest), StoreError> {
    let mut tree = Tree::default();
    let digest = digest::of_with(connection, interval, |block| tree.push(&content(block)))?;
    Ok((tree.root(), digest))
}

/// What is hashed of a block.
fn content(block: &Block<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64 + block.site.len() + block.name.len());
    put_text(&mut bytes, block.site);
    put_text(&mut bytes, block.name);
    bytes.extend(block.day.to_le_bytes());
    bytes.extend(block.hash);
    bytes
}

/// A tree that grows leaf by leaf. It holds the whole subtrees so far, the largest first: one for each bit of the number
/// of leaves.
#[derive(Default)]
struct Tree {
    whole: Vec<[u8; 32]>,
    leaves: u64,
}

impl Tree {
    fn push(&mut self, content: &[u8]) {
        let mut hash = Sha256::new();
        hash.update([LEAF]);
        hash.update(content);
        let mut hash: [u8; 32] = hash.finalize().into();
        // As an addition carries: two subtrees of one size are one of the next.
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.whole.pop() {
                hash = node(&left, &hash);
            }
        }
        self.whole.push(hash);
        self.leaves += 1;
    }

    fn root(&self) -> Root {
        let from_the_right = self.whole.iter().rev().copied();
        let root = from_the_right.reduce(|right, left| node(&left, &right));
        let root = root.unwrap_or_else(|| Sha256::digest([]).into());
        Root { hex: root.iter().map(|byte| format!("{byte:02x}")).collect(), leaves: self.leaves }
    }
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([NODE]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
