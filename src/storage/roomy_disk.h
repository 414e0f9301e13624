// A layer that asks the Room for its reserve when the disk is full, and writes again: the store above never learns that it was.
// Inside src/storage only.
#pragma once

#include "storage/disk_layer.h"
#include "storage/reserve.h"

namespace careledger::storage {

std::shared_ptr<DiskLayer> roomy_disk(std::shared_ptr<DiskLayer> below, std::shared_ptr<Room> room);

}  // namespace careledger::storage
