# Goal: the core calls nothing but the KD library, so that any VMM can host it. Fails when the library LIB wants a
# symbol that is neither its own nor named kd_ or vm_. Run by CTest with -DNM=... -DLIB=...
execute_process(COMMAND ${NM} --undefined-only --format=posix ${LIB} OUTPUT_VARIABLE undefined COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${NM} --defined-only --format=posix ${LIB} OUTPUT_VARIABLE own COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "(^|\n)[A-Za-z_][A-Za-z0-9_]* U" wanted "${undefined}")
foreach(line IN LISTS wanted)
  string(REGEX REPLACE "[\n ]|U$" "" symbol "${line}")
  if(NOT symbol MATCHES "^(kd|vm)_" AND NOT own MATCHES "(^|\n)${symbol} T")
    message(FATAL_ERROR "${LIB} needs ${symbol} from somewhere else")
  endif()
endforeach()
if(wanted STREQUAL "")
  message(FATAL_ERROR "${LIB} calls nothing at all")
endif()
