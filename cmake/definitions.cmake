# The project's own FHIR definitions (definitions/careledger), compiled into edge, which serves them: one line of JSON each.
function(careledger_definitions_source out)
  set(made ${CMAKE_BINARY_DIR}/gen/edge/fhir/definitions.cpp)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/definitions/careledger/*.json)
  set(generator ${CMAKE_SOURCE_DIR}/tools/embed_definitions.py)
  add_custom_command(OUTPUT ${made}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/gen/edge/fhir
    COMMAND Python3::Interpreter ${generator} ${made} ${files}
    DEPENDS ${generator} ${files} COMMENT "Our own FHIR definitions" VERBATIM)
  set(${out} ${made} PARENT_SCOPE)
endfunction()
