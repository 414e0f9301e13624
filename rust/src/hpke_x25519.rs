//! HPKE (RFC 9180) with DHKEM(X25519, HKDF-SHA256) and HKDF-SHA256. CareLedger itself uses the base mode with AES-256-GCM and one
//! message a context; the other AEADs, modes and sequence numbers are here so that the RFC's own vectors judge this very code.

use crate::memory::{borrow, borrow_array};
use hpke::aead::{Aead, AeadTag, AesGcm128, AesGcm256, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, HpkeError, Kem, OpModeR, OpModeS, PskBundle, Serializable};
use rand_core::{TryCryptoRng, TryRng};

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateKey = <X25519HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <X25519HkdfSha256 as Kem>::EncappedKey;

const TAG_SIZE: usize = 16;

/// What both sides of a context agree on. `sender` is null outside the authenticated modes, else the sender's 32-byte key: the
/// private one to seal, the public one to open. What is sealed is message number `sequence` of the context; opening offers only the
/// first, number 0, since the sequence advances with each message opened.
#[repr(C)]
pub struct HpkeContext {
    aead: u16,
    sequence: u32,
    info: *const u8,
    info_size: usize,
    psk: *const u8,
    psk_size: usize,
    psk_id: *const u8,
    psk_id_size: usize,
    sender: *const u8,
}

impl HpkeContext {
    unsafe fn info(&self) -> &[u8] {
        unsafe { borrow(self.info, self.info_size) }
    }

    unsafe fn psk(&self) -> Result<Option<PskBundle<'_>>, HpkeError> {
        if self.psk_size == 0 && self.psk_id_size == 0 {
            return Ok(None);
        }
        unsafe { PskBundle::new(borrow(self.psk, self.psk_size), borrow(self.psk_id, self.psk_id_size)).map(Some) }
    }

    unsafe fn seal_mode(&self) -> Result<OpModeS<'_, X25519HkdfSha256>, HpkeError> {
        let psk = unsafe { self.psk()? };
        if self.sender.is_null() {
            return Ok(psk.map_or(OpModeS::Base, OpModeS::Psk));
        }
        let private = PrivateKey::from_bytes(unsafe { borrow(self.sender, 32) })?;
        let pair = (private.clone(), X25519HkdfSha256::sk_to_pk(&private));
        Ok(match psk {
            Some(psk) => OpModeS::AuthPsk(pair, psk),
            None => OpModeS::Auth(pair),
        })
    }

    unsafe fn open_mode(&self) -> Result<OpModeR<'_, X25519HkdfSha256>, HpkeError> {
        let psk = unsafe { self.psk()? };
        if self.sender.is_null() {
            return Ok(psk.map_or(OpModeR::Base, OpModeR::Psk));
        }
        let public = PublicKey::from_bytes(unsafe { borrow(self.sender, 32) })?;
        Ok(match psk {
            Some(psk) => OpModeR::AuthPsk(public, psk),
            None => OpModeR::Auth(public),
        })
    }
}

/// The ephemeral key's input key material (ikmE of the RFC), drawn by the caller.
struct Drawn<'a>(&'a [u8; 32]);

impl TryRng for Drawn<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        unreachable!("the KEM draws its 32 bytes in one piece")
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        unreachable!("the KEM draws its 32 bytes in one piece")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}

/// Borrowed input and output of one seal or open.
struct Message<'a> {
    associated: &'a [u8],
    text: &'a mut [u8],
}

unsafe fn seal<A: Aead>(
    context: &HpkeContext,
    recipient: &[u8],
    random: &[u8; 32],
    message: Message,
    encapsulated: &mut [u8],
    tag: &mut [u8],
) -> Result<(), HpkeError> {
    let recipient = PublicKey::from_bytes(recipient)?;
    let (mode, info) = unsafe { (context.seal_mode()?, context.info()) };
    let (enc, mut sealer) = hpke::setup_sender_with_rng::<A, HkdfSha256, X25519HkdfSha256>(&mode, &recipient, info, &mut Drawn(random))?;
    for _ in 0..context.sequence {
        sealer.seal_inout_detached(InOutBuf::from(&mut [][..]), &[])?;
    }
    let made = sealer.seal_inout_detached(InOutBuf::from(message.text), message.associated)?;
    encapsulated.copy_from_slice(&enc.to_bytes());
    tag.copy_from_slice(&made.to_bytes());
    Ok(())
}

unsafe fn open<A: Aead>(context: &HpkeContext, key: &[u8], encapsulated: &[u8], message: Message, tag: &[u8]) -> Result<(), HpkeError> {
    let key = PrivateKey::from_bytes(key)?;
    let encapsulated = EncappedKey::from_bytes(encapsulated)?;
    let (mode, info) = unsafe { (context.open_mode()?, context.info()) };
    let mut opener = hpke::setup_receiver::<A, HkdfSha256, X25519HkdfSha256>(&mode, &key, &encapsulated, info)?;
    opener.open_inout_detached(InOutBuf::from(message.text), message.associated, &AeadTag::<A>::from_bytes(tag)?)
}

/// The public key of the private key `key`; 32 bytes each.
///
/// # Safety
/// `key` must be readable and `public` writable for 32 bytes.
#[no_mangle]
pub unsafe extern "C" fn careledger_x25519_public_key(key: *const u8, public: *mut u8) {
    let key = PrivateKey::from_bytes(unsafe { borrow(key, 32) }).expect("32 bytes are a key");
    let made = X25519HkdfSha256::sk_to_pk(&key).to_bytes();
    unsafe { core::ptr::copy_nonoverlapping(made.as_ptr(), public, made.len()) };
}

/// Seals the `count` bytes at `text` in place and writes the encapsulated key (32 bytes) and the tag (16). False: the recipient's
/// key is not usable, or the context is not; what was written then means nothing.
///
/// # Safety
/// `recipient` and `random`: readable for 32 bytes; `associated`: readable for `associated_size`; `text`: writable for `count`;
/// `encapsulated`: writable for 32; `tag`: for 16; nothing overlaps.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn careledger_hpke_seal(
    context: *const HpkeContext,
    recipient: *const u8,
    random: *const u8,
    associated: *const u8,
    associated_size: usize,
    text: *mut u8,
    count: usize,
    encapsulated: *mut u8,
    tag: *mut u8,
) -> bool {
    let context = unsafe { &*context };
    let run = match context.aead {
        1 => seal::<AesGcm128>,
        2 => seal::<AesGcm256>,
        3 => seal::<ChaCha20Poly1305>,
        _ => return false,
    };
    unsafe {
        let message = Message { associated: borrow(associated, associated_size), text: writable(text, count) };
        run(context, borrow(recipient, 32), borrow_array(random), message, writable(encapsulated, 32), writable(tag, TAG_SIZE)).is_ok()
    }
}

/// Opens the `count` bytes at `text` in place. False: the bytes were not sealed to this key in this context, and `text` then is
/// undefined: the caller must not use it.
///
/// # Safety
/// `key` and `encapsulated`: readable for 32 bytes; `tag`: for 16; `associated`: for `associated_size`; `text`: writable for `count`;
/// nothing overlaps.
#[no_mangle]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn careledger_hpke_open(
    context: *const HpkeContext,
    key: *const u8,
    encapsulated: *const u8,
    associated: *const u8,
    associated_size: usize,
    text: *mut u8,
    count: usize,
    tag: *const u8,
) -> bool {
    let context = unsafe { &*context };
    if context.sequence != 0 {
        return false;
    }
    let run = match context.aead {
        1 => open::<AesGcm128>,
        2 => open::<AesGcm256>,
        3 => open::<ChaCha20Poly1305>,
        _ => return false,
    };
    unsafe {
        let message = Message { associated: borrow(associated, associated_size), text: writable(text, count) };
        run(context, borrow(key, 32), borrow(encapsulated, 32), message, borrow(tag, TAG_SIZE)).is_ok()
    }
}

unsafe fn writable<'a>(data: *mut u8, count: usize) -> &'a mut [u8] {
    if count == 0 {
        return &mut [];
    }
    assert!(!data.is_null());
    unsafe { core::slice::from_raw_parts_mut(data, count) }
}
