# One static library a module, in the order of src/modules.txt. A module is its folder: every .cpp that is not a test, every
# .proto. A library links the modules below it and the outside libraries that careledger_outside_libraries() names for it. The commands
# and the demo of apps are part of the program alone: no other target links them, and sanitizer builds do without.

function(careledger_compile_protos module out_sources)
  file(GLOB_RECURSE protos CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${module}/*.proto)
  set(generated)
  foreach(proto ${protos})
    file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR}/src ${proto})
    string(REGEX REPLACE "\\.proto$" ".pb" stem ${CMAKE_BINARY_DIR}/gen/${relative})
    add_custom_command(OUTPUT ${stem}.cc ${stem}.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/gen
      COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}/src --cpp_out=${CMAKE_BINARY_DIR}/gen ${proto}
      DEPENDS ${proto} VERBATIM)
    set_source_files_properties(${stem}.cc PROPERTIES COMPILE_OPTIONS "-w")
    list(APPEND generated ${stem}.cc)
  endforeach()
  set(${out_sources} ${generated} PARENT_SCOPE)
endfunction()

# Files with local names that other files of their module have too: never compiled together with them.
set(careledger_apart
  apps/life_record apps/network/snapshot_start apps/node_access apps/registry_acts apps/upgrade apps/wallet_handover apps/wallet_json
  apps/wallet_log apps/wallet_node
  edge/fhir/bundle_writing edge/fhir/resolver edge/http/response_reader
  vault/audit_read vault/backup vault/bodies vault/key_backup vault/key_tree vault/keystore_file vault/outbox vault/page_token
  vault/sealed_stream)
list(TRANSFORM careledger_apart PREPEND ${CMAKE_SOURCE_DIR}/src/)
list(TRANSFORM careledger_apart APPEND .cpp)

# Several files at once, which takes half the time. What ships is built file by file, for whoever changes one.
function(careledger_compile_together target count)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${count})
  set_source_files_properties(${careledger_apart} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

function(careledger_add_module module below)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${module}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$|/main\\.cpp$|/apps/(commands|demo)/")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  careledger_compile_protos(${module} generated)
  careledger_extra_sources(${module} extra)
  add_library(cl_${module} STATIC ${sources} ${generated} ${extra} ${CMAKE_BINARY_DIR}/empty.cpp)
  target_include_directories(cl_${module} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_include_directories(cl_${module} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/gen)
  careledger_outside_libraries(${module} outside)
  target_link_libraries(cl_${module} PUBLIC ${below} ${outside})
  if(CARELEDGER_CORE_ONLY OR CARELEDGER_SANITIZE)
    careledger_compile_together(cl_${module} 12)
  endif()
  careledger_precompile(cl_${module} careledger_precompiled)
  if(CARELEDGER_TESTS AND tests)
    add_executable(${module}_test ${tests})
    target_link_libraries(${module}_test PRIVATE cl_${module} GTest::gtest GTest::gtest_main rapidcheck)
    target_compile_definitions(${module}_test PRIVATE CARELEDGER_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
      careledger_compile_together(${module}_test 6)
    endif()
    careledger_test_program(${module}_test)
    add_test(NAME unit.${module} COMMAND ${module}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  endif()
endfunction()

function(careledger_add_modules)
  file(WRITE ${CMAKE_BINARY_DIR}/empty.cpp.in "namespace careledger {}\n")
  configure_file(${CMAKE_BINARY_DIR}/empty.cpp.in ${CMAKE_BINARY_DIR}/empty.cpp COPYONLY)
  file(STRINGS ${CMAKE_SOURCE_DIR}/src/modules.txt modules REGEX "^[a-z]")
  set(below)
  foreach(module ${modules})
    if(CARELEDGER_CORE_ONLY AND module STREQUAL "ordering")
      break()
    endif()
    careledger_add_module(${module} "${below}")
    set(below cl_${module})
  endforeach()
  if(NOT CARELEDGER_CORE_ONLY)
    target_compile_definitions(cl_apps PRIVATE CARELEDGER_VERSION="${PROJECT_VERSION}")
    # On the one file that looks there: the path of a checkout in every command would keep the compiler cache from serving another.
    set_source_files_properties(${CMAKE_SOURCE_DIR}/src/apps/demo/stage.cpp PROPERTIES
      COMPILE_DEFINITIONS CARELEDGER_SAMPLES="${CMAKE_SOURCE_DIR}/samples/synthea")
    file(GLOB_RECURSE program CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/apps/commands/*.cpp ${CMAKE_SOURCE_DIR}/src/apps/demo/*.cpp)
    add_executable(careledger ${CMAKE_SOURCE_DIR}/src/apps/main.cpp ${program})
    target_link_libraries(careledger PRIVATE cl_apps ${JEMALLOC})
    target_compile_definitions(careledger PRIVATE CARELEDGER_VERSION="${PROJECT_VERSION}")
    careledger_precompile_program(careledger)
    target_compile_options(careledger PRIVATE -O1)  # what runs once a call, and parses options: most of it is the compiler's time
  endif()
endfunction()
