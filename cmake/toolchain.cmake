# Compiler flags, cache and linker: whatever of ccache, mold and lld exists is used, nothing of it is needed.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      CCACHE_PCH_EXTSUM=true ${CCACHE_PROGRAM})
endif()

find_program(MOLD_PROGRAM mold)
find_program(LLD_PROGRAM ld.lld)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
elseif(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers
                    -Wno-mismatched-new-delete # g++ 12 misreads the frames of coroutines
                    -fno-omit-frame-pointer)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
# Frames of coroutines from operator new: what is allocated with an alignment is cached for no thread (glibc 2.36).
add_compile_definitions(_GLIBCXX_ASSERTIONS BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC
                        BOOST_ASIO_DISABLE_BOOST_ALIGN)

if(PRICING_SANITIZE)
  add_compile_options(-fsanitize=${PRICING_SANITIZE} -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${PRICING_SANITIZE})
endif()
