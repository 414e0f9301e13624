//! Ed25519 verification under ZIP-215, where a batch accepts exactly what single verification accepts.

use crate::memory::{array, borrow};
use ed25519_zebra::{batch, Signature, VerificationKey, VerificationKeyBytes};
use rand_core::{TryCryptoRng, TryRng};

/// One signature to check: key is 32 bytes, signature 64.
#[repr(C)]
pub struct SignedItem {
    key: *const u8,
    signature: *const u8,
    message: *const u8,
    message_size: usize,
}

/// # Safety
/// `key` must be readable for 32 bytes, `signature` for 64, `message` for `message_size`.
#[no_mangle]
pub unsafe extern "C" fn careledger_ed25519_verify(key: *const u8, message: *const u8, message_size: usize, signature: *const u8) -> bool {
    let (key, signature) = unsafe { (array::<32>(key), array::<64>(signature)) };
    let message = unsafe { borrow(message, message_size) };
    let Ok(key) = VerificationKey::try_from(key) else { return false };
    key.verify(&Signature::from_bytes(&signature), message).is_ok()
}

/// The batch's random coefficients, drawn beforehand by the caller: 16 bytes an item.
struct Drawn<'a>(&'a [u8]);

impl TryRng for Drawn<'_> {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!("the batch draws 16 bytes an item")
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("the batch draws 16 bytes an item")
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        let (now, later) = self.0.split_at(out.len());
        out.copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}

/// True when every item holds. False says that at least one does not, not which. `random` is `16 * count` bytes that whoever made
/// the signatures could not foresee.
///
/// # Safety
/// `items` must be readable for `count` items, each as careledger_ed25519_verify() wants it, `random` for `16 * count` bytes.
#[no_mangle]
pub unsafe extern "C" fn careledger_ed25519_verify_batch(items: *const SignedItem, count: usize, random: *const u8) -> bool {
    if count == 0 {
        return true;
    }
    assert!(!items.is_null());
    let mut batch = batch::Verifier::new();
    for item in unsafe { core::slice::from_raw_parts(items, count) } {
        let (key, signature) = unsafe { (array::<32>(item.key), array::<64>(item.signature)) };
        let message = unsafe { borrow(item.message, item.message_size) };
        batch.queue((VerificationKeyBytes::from(key), Signature::from_bytes(&signature), message));
    }
    batch.verify(Drawn(unsafe { borrow(random, 16 * count) })).is_ok()
}
