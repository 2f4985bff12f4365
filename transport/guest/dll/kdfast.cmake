# kdfast.dll, or one that differs from it as told, which is how the gate's bad DLLs are made:
#
#   kdfast_dll(IMAGE ARCH NAME [SOURCES file...] [INSTEAD file...] [LINK flag...] [DEF file] [IMPORTS file])
#       IMAGE is a full path, NAME keeps what is compiled for two images apart. SOURCES are added. Each file of INSTEAD takes
#       the place of the module's source of that name, DEF that of kdfast.def, IMPORTS that of ntoskrnl.def. The module's own
#       objects are made once, for the image called kdfast.
#
# It is made of the very sources of the libraries kd and kd_guest, and of the platform in this folder.
include_guard(DIRECTORY)
include(${CMAKE_CURRENT_LIST_DIR}/mingw.cmake)

set(KDFAST_FOLDER ${CMAKE_CURRENT_LIST_DIR})
set(KDFAST_LINK -shared -Wl,--subsystem=native:5.1,--major-os-version=5,--minor-os-version=1,--dynamicbase,--nxcompat
  -Wl,-T,${KDFAST_FOLDER}/kdfast.ld)
set(KDFAST_LINK_x64 -Wl,--entry=kd_entry,--image-base=0x180000000)
# The .def file's bare names stand for stdcall functions, and nothing of the module asks for the HAL.
set(KDFAST_LINK_x86
  -Wl,--entry=_kd_entry@8,--image-base=0x10000000,--kill-at,--enable-stdcall-fixup,--undefined=__imp__READ_PORT_UCHAR)

# The sources of the two libraries, without the names of statuses, which are for people.
function(kdfast_sources out)
  set(sources "")
  foreach(library IN ITEMS kd kd_guest)
    get_target_property(folder ${library} SOURCE_DIR)
    get_target_property(files ${library} SOURCES)
    list(REMOVE_ITEM files kd_status.c)
    list(TRANSFORM files PREPEND ${folder}/)
    list(APPEND sources ${files})
  endforeach()
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

function(kdfast_resource out arch name)
  set(script ${CMAKE_BINARY_DIR}/generated/kdfast.rc)
  set(resource ${CMAKE_BINARY_DIR}/mingw/${name}/${arch}/kdfast.res.o)
  cmake_path(GET resource PARENT_PATH directory)
  file(MAKE_DIRECTORY ${directory})
  add_custom_command(OUTPUT ${resource} COMMAND ${MINGW_${arch}_WINDRES} ${script} ${resource} DEPENDS ${script} VERBATIM)
  set(${out} ${resource} PARENT_SCOPE)
endfunction()

function(kdfast_dll image arch name)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "DEF;IMPORTS" "SOURCES;INSTEAD;LINK")
  set(def ${KDFAST_FOLDER}/kdfast.def)
  set(imports ${KDFAST_FOLDER}/ntoskrnl.def)
  if(arg_DEF)
    set(def ${arg_DEF})
  endif()
  if(arg_IMPORTS)
    set(imports ${arg_IMPORTS})
  endif()
  kdfast_sources(sources)
  list(APPEND sources ${KDFAST_FOLDER}/kd_platform_windows.c ${KDFAST_FOLDER}/kd_loader_block.c
    ${KDFAST_FOLDER}/kd_memory.c ${KDFAST_FOLDER}/kd_backdoor_${arch}.S)
  foreach(instead IN LISTS arg_INSTEAD)
    cmake_path(GET instead FILENAME file)
    list(FILTER sources EXCLUDE REGEX "/${file}$")
  endforeach()
  if(name STREQUAL kdfast)
    mingw_objects(own ${arch} kdfast SOURCES ${sources})
  else()
    mingw_object_names(own ${arch} kdfast ${sources})
  endif()
  mingw_objects(more ${arch} ${name} SOURCES ${arg_SOURCES} ${arg_INSTEAD})
  mingw_import_library(kernel ${arch} ${name} ${imports})
  mingw_import_library(hal ${arch} ${name} ${KDFAST_FOLDER}/hal.def)
  kdfast_resource(resource ${arch} ${name})
  mingw_link(${image} ${arch} OBJECTS ${own} ${more} ${resource} LIBRARIES ${def} ${kernel} ${hal}
    DEPENDS ${KDFAST_FOLDER}/kdfast.ld
    OPTIONS ${KDFAST_LINK} ${KDFAST_LINK_${arch}} ${arg_LINK} FINISH kd_seal)
endfunction()
