//! Borrowed memory from C++.

/// The bytes at `data`, or an empty slice when `count` is zero (C++ then may pass any pointer, null included).
///
/// # Safety
/// `data` must be readable for `count` bytes, unchanged, for as long as the caller uses the slice.
pub unsafe fn borrow<'a>(data: *const u8, count: usize) -> &'a [u8] {
    if count == 0 {
        return &[];
    }
    assert!(!data.is_null());
    unsafe { core::slice::from_raw_parts(data, count) }
}

/// Copies the `N` bytes at `data`.
///
/// # Safety
/// `data` must be readable for `N` bytes.
pub unsafe fn array<const N: usize>(data: *const u8) -> [u8; N] {
    let mut out = [0u8; N];
    out.copy_from_slice(unsafe { borrow(data, N) });
    out
}

/// The same bytes without a copy, which would have to be wiped where they are a key.
///
/// # Safety
/// As of borrow().
pub unsafe fn borrow_array<'a, const N: usize>(data: *const u8) -> &'a [u8; N] {
    unsafe { borrow(data, N) }.try_into().expect("as long as asked for")
}
