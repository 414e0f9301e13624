// The same for the program's commands, each of which describes its options.
#include <CLI/CLI.hpp>

#include "precompiled.h"
