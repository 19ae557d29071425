# A file as a string of the binary:  cmake -DNAME=kPage -DFILE=page.html -DOUT=page.cc -P embed.cmake
#
# Declared by who uses it: namespace fovea::topologies { extern const std::string_view kPage; }
file(READ "${FILE}" bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE "${OUT}" "#include <string_view>
namespace fovea::topologies {
extern const std::string_view ${NAME};
static const unsigned char kBytes[] = {${bytes}0};
const std::string_view ${NAME}(reinterpret_cast<const char*>(kBytes), sizeof(kBytes) - 1);
}  // namespace fovea::topologies
")
