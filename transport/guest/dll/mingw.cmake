# Code for Windows kernels and for guest images, compiled by mingw-w64 inside the ordinary build.
#
#   mingw_objects(OBJECTS_VAR ARCH NAME SOURCES file... [OPTIONS flag...])
#       compiles C and assembly (.S) sources, rebuilds by what they include, and sets OBJECTS_VAR to the objects.
#       ARCH is x64 or x86. NAME keeps two users of the same source apart. Beside the object FILE.c.o of a C
#       source lie FILE.c.su and FILE.c.ci: its functions' stack and calls.
#   mingw_object_names(OBJECTS_VAR ARCH NAME file...)
#       the objects that mingw_objects makes, elsewhere, of these.
#   mingw_import_library(LIBRARY_VAR ARCH NAME DEF)
#       the import library of a .def file, for the user called NAME.
#   mingw_link(IMAGE ARCH OBJECTS object... [LIBRARIES file...] [DEPENDS file...] [OPTIONS flag...] [FINISH program])
#       links IMAGE (a full path) with a map beside it; nothing of a C runtime, nothing of libgcc. FINISH is run on
#       the linked image and may change it.
#
# MINGW_x64 and MINGW_x86 are the compilers, MINGW_<arch>_WINDRES and MINGW_<arch>_DLLTOOL their tools.
include_guard(DIRECTORY)

set(MINGW_ARCHS x64 x86)
set(MINGW_TRIPLE_x64 x86_64-w64-mingw32)
set(MINGW_TRIPLE_x86 i686-w64-mingw32)
foreach(arch IN LISTS MINGW_ARCHS)
  find_program(MINGW_${arch} NAMES ${MINGW_TRIPLE_${arch}}-gcc-win32 ${MINGW_TRIPLE_${arch}}-gcc REQUIRED)
  find_program(MINGW_${arch}_WINDRES ${MINGW_TRIPLE_${arch}}-windres REQUIRED)
  find_program(MINGW_${arch}_DLLTOOL ${MINGW_TRIPLE_${arch}}-dlltool REQUIRED)
endforeach()

# Guest code may use the general registers only, has no libc behind it, and must come out the same on every path.
set(MINGW_FLAGS
  -std=c11 -O2 -ffreestanding -mgeneral-regs-only -mno-red-zone -mno-stack-arg-probe -fno-stack-protector
  -fno-strict-aliasing -fno-tree-loop-distribute-patterns -fno-ident -ffunction-sections
  -fstack-usage -fcallgraph-info=su
  -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror
  -I${CMAKE_SOURCE_DIR} -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
set(MINGW_FLAGS_x64 "")
# Pushed arguments need no more than a word; tables for unwinding are not read by any 32-bit kernel.
set(MINGW_FLAGS_x86 -march=i686 -mpreferred-stack-boundary=2 -fno-asynchronous-unwind-tables)

# Generated sources are named from the build's folder, all others from ours.
function(mingw_base base_var relative_var source)
  set(base ${CMAKE_SOURCE_DIR})
  cmake_path(IS_PREFIX CMAKE_BINARY_DIR ${source} NORMALIZE is_generated)
  if(is_generated)
    set(base ${CMAKE_BINARY_DIR})
  endif()
  cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${base} OUTPUT_VARIABLE relative)
  set(${base_var} ${base} PARENT_SCOPE)
  set(${relative_var} ${relative} PARENT_SCOPE)
endfunction()

function(mingw_object_names objects_var arch name)
  set(objects "")
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source)
    mingw_base(base relative ${source})
    list(APPEND objects ${CMAKE_BINARY_DIR}/mingw/${name}/${arch}/${relative}.o)
  endforeach()
  set(${objects_var} ${objects} PARENT_SCOPE)
endfunction()

function(mingw_objects objects_var arch name)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "SOURCES;OPTIONS")
  mingw_object_names(objects ${arch} ${name} ${arg_SOURCES})
  foreach(source object IN ZIP_LISTS arg_SOURCES objects)
    cmake_path(ABSOLUTE_PATH source)
    mingw_base(base relative ${source})
    cmake_path(GET object PARENT_PATH directory)
    file(MAKE_DIRECTORY ${directory})
    cmake_path(REMOVE_EXTENSION object LAST_ONLY OUTPUT_VARIABLE stem)
    set(reports "")
    if(source MATCHES "\\.c$")
      set(reports BYPRODUCTS ${stem}.su ${stem}.ci)
    endif()
    add_custom_command(OUTPUT ${object} ${reports}
      COMMAND ${MINGW_${arch}} ${MINGW_FLAGS} ${MINGW_FLAGS_${arch}} ${arg_OPTIONS}
              -MD -MT ${object} -MF ${object}.d -c -o ${object} ${source}
      WORKING_DIRECTORY ${base}
      DEPENDS ${source} DEPFILE ${object}.d
      COMMENT "mingw ${arch}: ${relative}" VERBATIM)
  endforeach()
  set(${objects_var} ${objects} PARENT_SCOPE)
endfunction()

function(mingw_import_library library_var arch name def)
  cmake_path(ABSOLUTE_PATH def)
  cmake_path(GET def STEM stem)
  set(library ${CMAKE_BINARY_DIR}/mingw/${name}/${arch}/import/lib${stem}.a)
  cmake_path(GET library PARENT_PATH directory)
  file(MAKE_DIRECTORY ${directory})
  add_custom_command(OUTPUT ${library}
    COMMAND ${MINGW_${arch}_DLLTOOL} --deterministic-libraries -d ${def} -l ${library} -t ${stem}
    WORKING_DIRECTORY ${directory} DEPENDS ${def}
    COMMENT "mingw ${arch}: lib${stem}.a" VERBATIM)
  set(${library_var} ${library} PARENT_SCOPE)
endfunction()

function(mingw_link image arch)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "FINISH" "OBJECTS;LIBRARIES;DEPENDS;OPTIONS")
  cmake_path(GET image PARENT_PATH directory)
  file(MAKE_DIRECTORY ${directory})
  set(finish "")
  if(arg_FINISH)
    set(finish COMMAND ${arg_FINISH} ${image})
  endif()
  add_custom_command(OUTPUT ${image} BYPRODUCTS ${image}.map
    COMMAND ${MINGW_${arch}} -nostdlib -s -Wl,--no-insert-timestamp,--gc-sections,--fatal-warnings
            -Wl,-Map,${image}.map ${arg_OPTIONS} -o ${image} ${arg_OBJECTS} ${arg_LIBRARIES}
    ${finish}
    DEPENDS ${arg_OBJECTS} ${arg_LIBRARIES} ${arg_DEPENDS} ${arg_FINISH}
    COMMENT "mingw ${arch}: ${image}" VERBATIM)
endfunction()
