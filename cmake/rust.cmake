# All Rust code is one static library (rust/): Ed25519 under ZIP-215 and HPKE. Every build folder shares one target folder, so that
# the library is compiled once; cargo locks it. Sanitizers do not reach into it.
find_program(CARGO cargo REQUIRED)
set(rust_target ${CMAKE_SOURCE_DIR}/build/rust)
set(rust_library ${rust_target}/release/libcareledger_rust.a)
file(GLOB_RECURSE rust_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/rust/src/*.rs)
add_custom_command(OUTPUT ${rust_library}
  COMMAND ${CMAKE_COMMAND} -E env CARGO_TARGET_DIR=${rust_target} ${CARGO} build --release --locked --quiet
  DEPENDS ${CMAKE_SOURCE_DIR}/rust/Cargo.toml ${CMAKE_SOURCE_DIR}/rust/Cargo.lock ${rust_sources}
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/rust COMMENT "Building the Rust library" VERBATIM)
add_custom_target(careledger_rust_build DEPENDS ${rust_library})
add_library(careledger_rust INTERFACE)
target_link_libraries(careledger_rust INTERFACE ${rust_library} dl)
add_dependencies(careledger_rust careledger_rust_build)
