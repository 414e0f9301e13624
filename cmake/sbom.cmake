# The list of everything in the program that comes from outside, as SPDX 2.3: sbom.spdx.json beside the program.
set(careledger_sbom ${CMAKE_BINARY_DIR}/sbom.spdx.json)
add_custom_command(OUTPUT ${careledger_sbom}
  COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/sbom.py $<TARGET_FILE:careledger> ${PROJECT_VERSION} ${careledger_sbom}
  DEPENDS careledger ${CMAKE_SOURCE_DIR}/tools/sbom.py ${CMAKE_SOURCE_DIR}/tools/dependencies.txt ${CMAKE_SOURCE_DIR}/rust/Cargo.lock
  COMMENT "Writing sbom.spdx.json" VERBATIM)
add_custom_target(sbom DEPENDS ${careledger_sbom})
