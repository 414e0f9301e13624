// A vault with made-up patients, in memory or on disk. For tests of src/vault.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/test_folder.h"
#include "vault/keystore.h"
#include "vault/terms.h"
#include "vault/test_clock.h"
#include "vault/test_ledger.h"
#include "vault/vault.h"

namespace careledger::vault {

inline std::string patient_json(const std::string& id, std::uint32_t version, const std::string& family, const std::string& birth_date) {
  return R"({"resourceType":"Patient","id":")" + id + R"(","meta":{"versionId":")" + std::to_string(version) +
         R"("},"identifier":[{"system":"urn:mrn","value":"MRN-)" + id + R"("}],"name":[{"family":")" + family + R"("}],"birthDate":")" +
         birth_date + R"("})";
}

inline std::string observation_json(const std::string& id, std::uint32_t version, const std::string& patient, const std::string& code,
                                    const std::string& when) {
  return R"({"resourceType":"Observation","id":")" + id + R"(","meta":{"versionId":")" + std::to_string(version) +
         R"("},"status":"final","code":{"coding":[{"system":"http://loinc.org","code":")" + code +
         R"("}]},"subject":{"reference":"Patient/)" + patient + R"("},"effectiveDateTime":")" + when + R"("})";
}

enum class Where { memory, disk };

class VaultTest : public ::testing::TestWithParam<Where> {
 protected:
  TestFolder folder;
  SharedClock clock;
  Entropy& entropy = system_entropy();
  Seal seal = Seal::passphrase("p", {1, 64});
  OrganisationId organisation = system_entropy().take_id<OrganisationId>();
  std::unique_ptr<Keystore> keys;
  std::unique_ptr<Vault> vault;
  VaultOptions options;

  void SetUp() override {
    options.organisation = organisation;
    if (GetParam() == Where::disk) options.folder = folder.path() + "/vault";
    keys = GetParam() == Where::disk ? std::move(*Keystore::create(folder.path() + "/keystore", seal, clock, entropy))
                                     : Keystore::in_memory(clock, entropy);
    open();
  }
  void TearDown() override { vault.reset(); }

  void open() {
    auto opened = Vault::open(options, *keys, clock, entropy);
    ASSERT_TRUE(opened) << opened.error().message;
    vault = std::move(*opened);
  }
  void reopen() {  // on disk only
    vault.reset();
    keys.reset();
    keys = std::move(*Keystore::open(folder.path() + "/keystore", seal, clock, entropy));
    open();
  }
  Committed put(const std::string& type, const std::string& id, std::uint32_t version, const std::string& body) {
    auto transaction = vault->begin();
    EXPECT_TRUE(transaction);
    auto staged = (*transaction)->put({type, id, version, body});
    EXPECT_TRUE(staged) << staged.error().message;
    auto committed = (*transaction)->commit();
    EXPECT_TRUE(committed) << committed.error().message;
    return *committed;
  }
  AnchorState anchored(std::uint64_t number) {
    std::promise<AnchorState> promise;
    vault->when_anchored(number, [&promise](const AnchorState& state) { promise.set_value(state); });
    return promise.get_future().get();
  }
  std::vector<std::string> search(const View& view, const std::string& type, const std::string& parameter, std::vector<Alternative> any,
                                  bool negate = false) {
    auto page = view.search({type, {{parameter, std::move(any), negate}}, {}}, {}, 1000);
    EXPECT_TRUE(page) << page.error().message;
    return page ? page->ids : std::vector<std::string>{"error"};
  }
};

}  // namespace careledger::vault
