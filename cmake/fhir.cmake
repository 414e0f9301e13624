# Tables of codec/fhir, made of HL7's R4 definitions by a Python script (standard library only) into the build folder.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

include(${CMAKE_CURRENT_LIST_DIR}/definitions.cmake)

function(careledger_extra_sources module out)
  if(module STREQUAL "edge")
    careledger_definitions_source(made)
    set(${out} ${made} PARENT_SCOPE)
    return()
  endif()
  if(NOT module STREQUAL "codec")
    set(${out} "" PARENT_SCOPE)
    return()
  endif()
  set(generator ${CMAKE_SOURCE_DIR}/tools/generate_fhir_tables.py)
  set(folder ${CMAKE_SOURCE_DIR}/definitions/fhir-r4)
  set(made ${CMAKE_BINARY_DIR}/gen/codec/fhir/tables.cpp)
  file(GLOB definitions CONFIGURE_DEPENDS ${folder}/*.ndjson.gz)
  add_custom_command(OUTPUT ${made}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/gen/codec/fhir
    COMMAND Python3::Interpreter ${generator} ${folder} ${made}
    DEPENDS ${generator} ${definitions} COMMENT "Tables of FHIR R4" VERBATIM)
  set_source_files_properties(${made} PROPERTIES COMPILE_OPTIONS "-w")
  set(${out} ${made} PARENT_SCOPE)
endfunction()
