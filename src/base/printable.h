// Text of others, made fit for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace careledger {

// Whatever could move a terminal's cursor, start an escape sequence or turn the order of what is read around becomes a question mark:
// control characters (C0, DEL, C1), marks and isolates of direction, separators of lines, and bytes that are not UTF-8. Apply it to what
// somebody else wrote, never to one's own colours.
std::string printable(std::string_view text);

}  // namespace careledger
