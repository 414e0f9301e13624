// Bytes as the whole program passes them.
//
// Bytes is std::string because protobuf and the stores take it as it is: no copies at the seams. It holds any byte; order is
// that of unsigned bytes. Nothing here is thread-aware; all functions are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace careledger {

using Bytes = std::string;
using ByteView = std::string_view;

std::string to_hex(ByteView bytes);                          // lower case
std::optional<Bytes> from_hex(std::string_view text);        // either case; nullopt on odd length or another character
std::string to_base64(ByteView bytes);                       // RFC 4648 section 4, padded
std::string to_base64url(ByteView bytes);                    // RFC 4648 section 5, unpadded
std::optional<Bytes> from_base64(std::string_view text);     // strict: padding required, no white space, no stray bits
std::optional<Bytes> from_base64url(std::string_view text);  // strict: no padding

// Fixed-width big-endian integers, so that byte order is numeric order.
void append_u16(Bytes& out, std::uint16_t value);
void append_u32(Bytes& out, std::uint32_t value);
void append_u64(Bytes& out, std::uint64_t value);
Bytes u32_bytes(std::uint32_t value);
Bytes u64_bytes(std::uint64_t value);

// Reads one from the front of `in` and shortens it; nullopt, and `in` unchanged, when too short.
std::optional<std::uint16_t> take_u16(ByteView& in);
std::optional<std::uint32_t> take_u32(ByteView& in);
std::optional<std::uint64_t> take_u64(ByteView& in);
std::optional<ByteView> take_bytes(ByteView& in, std::size_t count);

// A field with its length before it (u32, big-endian): the one framing used wherever fields are hashed together, so that no
// two field lists share one encoding.
void append_field(Bytes& out, ByteView field);
std::optional<ByteView> take_field(ByteView& in);

// Equality whose time depends on the lengths only. For tags, tokens and keys.
bool equal_constant_time(ByteView a, ByteView b);

}  // namespace careledger
