# Outside headers that are widely used are compiled once a build, for three kinds of targets: modules, test programs, and the program
# itself. A build for a debugger does without.
if(CMAKE_BUILD_TYPE MATCHES "Release|None")
  set(careledger_precompiled ON)
endif()

# CMake stamps the header it makes anew at each configuration; the compiler cache must look at contents alone.
function(careledger_cache_precompiled target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  else()
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # so that the compiler cache sees which header it was
  endif()
  if(CCACHE)
    set_target_properties(${target} PROPERTIES CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros;${CCACHE}")
  endif()
endfunction()

# careledger_precompile(TARGET careledger_precompiled|careledger_precompiled_test): the program has a header of its own.
function(careledger_precompile target from)
  if(NOT careledger_precompiled OR (CARELEDGER_CORE_ONLY AND from STREQUAL "careledger_precompiled_test"))  # of one file
    return()
  endif()
  target_precompile_headers(${target} REUSE_FROM ${from})
  careledger_cache_precompiled(${target})
endfunction()

# A program that only tests need: precompiled headers, and little optimisation, since it spends its time in the modules.
function(careledger_test_program target)
  target_compile_options(${target} PRIVATE -Wno-gnu-zero-variadic-macro-arguments ${careledger_test_optimisation})
  careledger_precompile(${target} careledger_precompiled_test)
endfunction()

function(careledger_precompile_program target)
  if(careledger_precompiled)
    target_precompile_headers(${target} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled_program.h)
    careledger_cache_precompiled(${target})
  endif()
endfunction()

if(careledger_precompiled)
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cpp.in "namespace careledger {}\n")
  configure_file(${CMAKE_BINARY_DIR}/precompiled.cpp.in ${CMAKE_BINARY_DIR}/precompiled.cpp COPYONLY)
  add_library(careledger_precompiled OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(careledger_precompiled PRIVATE protobuf::libprotobuf fmt::fmt)
  target_precompile_headers(careledger_precompiled PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.h)
  careledger_cache_precompiled(careledger_precompiled)
  if(CARELEDGER_TESTS)
    add_executable(careledger_precompiled_test ${CMAKE_BINARY_DIR}/precompiled.cpp)
    target_link_libraries(careledger_precompiled_test PRIVATE protobuf::libprotobuf fmt::fmt GTest::gtest GTest::gtest_main)
    target_compile_options(careledger_precompiled_test PRIVATE ${careledger_test_optimisation})
    target_precompile_headers(careledger_precompiled_test PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled_test.h)
    careledger_cache_precompiled(careledger_precompiled_test)
  endif()
endif()
