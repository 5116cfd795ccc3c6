//! Bytes that are nearly right: examples changed in a few places.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What numbers, texts and lengths go wrong at.
const TELLING: &[u8] =
    &[0, 1, 0x7f, 0x80, 0xff, b'0', b'9', b'-', b'.', b'e', b'"', b'{', b'}', b'[', b'/', b'\n'];

#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
    Swap(Index, Index, usize),
}

/// One of the examples with up to eight changes; `words` are put in here and there.
pub(crate) fn mutated(
    examples: Vec<Vec<u8>>,
    words: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let word = select(words).prop_map(|word| word.as_bytes().to_vec());
    let put_in = prop_oneof![3 => word, 1 => vec(any::<u8>(), 1..6)];
    let length = || prop_oneof![4 => 1..5_usize, 1 => 1..200_usize];
    let change = prop_oneof![
        3 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        3 => (any::<Index>(), select(TELLING)).prop_map(|(at, byte)| Change::Set(at, byte)),
        3 => (any::<Index>(), put_in).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (any::<Index>(), length()).prop_map(|(at, length)| Change::Remove(at, length)),
        2 => (any::<Index>(), length()).prop_map(|(at, length)| Change::Repeat(at, length)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), any::<Index>(), length()).prop_map(|(a, b, length)| Change::Swap(a, b, length)),
    ];
    (select(examples), vec(change, 0..8)).prop_map(|(mut bytes, changes)| {
        changes.iter().for_each(|change| apply(&mut bytes, change));
        bytes
    })
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let place = |at: &Index| at.index(bytes.len().max(1)).min(bytes.len());
    let span = |at: &Index, length: usize| place(at)..bytes.len().min(place(at) + length);
    match change {
        Change::Flip(at, bit) => {
            let at = place(at);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        Change::Set(at, value) => {
            let at = place(at);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = *value;
            }
        }
        Change::Insert(at, more) => {
            let at = place(at);
            bytes.splice(at..at, more.iter().copied());
        }
        Change::Remove(at, length) => drop(bytes.drain(span(at, *length))),
        Change::Repeat(at, length) => {
            let (at, again) = (place(at), bytes[span(at, *length)].to_vec());
            bytes.splice(at..at, again);
        }
        Change::Cut(at) => bytes.truncate(place(at)),
        Change::Swap(a, b, length) => {
            let (a, b) = (span(a, *length), span(b, *length));
            for (a, b) in a.zip(b) {
                bytes.swap(a, b);
            }
        }
    }
}
