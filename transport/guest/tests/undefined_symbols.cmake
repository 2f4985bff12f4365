# Goal: the guest's object code needs nothing but itself and its platform: no libc, no compiler helper.
# Use:  cmake -DNM=nm -DLIBRARIES="a.a,b.a" -P undefined_symbols.cmake
string(REPLACE "," ";" libraries "${LIBRARIES}")
execute_process(COMMAND ${NM} --undefined-only --format=posix ${libraries}
  OUTPUT_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "nm failed")
endif()
string(REGEX MATCHALL "[^\n]+ U[^\n]*" symbols "${output}")
if("${symbols}" STREQUAL "")
  message(FATAL_ERROR "no symbol was looked at")
endif()
foreach(symbol IN LISTS symbols)
  if(NOT symbol MATCHES "^(kd_|vm_|_GLOBAL_OFFSET_TABLE_)")
    message(FATAL_ERROR "the guest needs ${symbol}")
  endif()
endforeach()
