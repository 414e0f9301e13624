// How much of a store's MANIFEST is known to be durable, so that a torn end can be told from damage.
//
// RocksDB syncs its MANIFEST after each change and acts on the change (deletes files) only afterwards. The layer writes down, after each of
// those syncs and before RocksDB goes on, how long the file was: MANIFEST.synced, replaced whole. Whatever lies behind that length was
// never acted on, and is cut when it is torn; whatever lies before it must read well. Inside src/storage only.
#pragma once

#include <optional>
#include <string>

#include "storage/disk_layer.h"

namespace careledger::storage {

std::shared_ptr<DiskLayer> watch_manifests(std::shared_ptr<DiskLayer> below);

struct SyncedManifest {
  std::string name;        // "MANIFEST-000005"
  std::uint64_t size = 0;  // without the layer's header
};
// nullopt when nothing is written down, or it does not read.
std::optional<SyncedManifest> synced_manifest(rocksdb::FileSystem& files, const std::string& folder);

}  // namespace careledger::storage
