# Sanitizer and core-only builds of clang compile the widely used outside headers once. The release build does without, so that
# every file still has to include what it uses.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND (CARELEDGER_SANITIZE OR CARELEDGER_CORE_ONLY))
  set(careledger_precompiled ON)
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cpp.in "namespace careledger {}\n")
  configure_file(${CMAKE_BINARY_DIR}/precompiled.cpp.in ${CMAKE_BINARY_DIR}/precompiled.cpp COPYONLY)
  # CMake stamps the header it makes anew at each configuration; the compiler cache must look at contents alone.
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")

  add_library(careledger_precompiled OBJECT ${CMAKE_BINARY_DIR}/precompiled.cpp)
  target_link_libraries(careledger_precompiled PRIVATE protobuf::libprotobuf)
  target_precompile_headers(careledger_precompiled PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.h)
  if(CARELEDGER_TESTS)
    add_executable(careledger_precompiled_test ${CMAKE_BINARY_DIR}/precompiled.cpp)
    target_link_libraries(careledger_precompiled_test PRIVATE protobuf::libprotobuf GTest::gtest GTest::gtest_main)
    target_compile_options(careledger_precompiled_test PRIVATE ${careledger_test_optimisation})
    target_precompile_headers(careledger_precompiled_test PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled_test.h)
  endif()
endif()

# careledger_precompile(TARGET careledger_precompiled|careledger_precompiled_test)
function(careledger_precompile target from)
  if(careledger_precompiled)
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()
