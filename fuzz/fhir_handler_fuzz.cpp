// A FHIR interface over a vault in memory, asked anything by anybody: role and method by the first two bytes, then the target below
// /fhir, a line feed and the body. Each request is answered once, with JSON or nothing, and recorded.
#include "base/assert.h"
#include "edge/fhir/test_support.h"
#include "edge/http/client.h"

namespace {

using namespace careledger;
namespace http = edge::http;
using edge::auth::Role;

constexpr std::array<http::Method, 5> kMethods{http::Method::get, http::Method::post, http::Method::put, http::Method::remove,
                                               http::Method::head};
constexpr std::array<Role, 5> kRoles{Role::clinician, Role::auditor, Role::patient, Role::system, Role::administrator};

// What is public needs no token and is not recorded.
bool is_public(std::string_view path) {
  for (const std::string_view type : {"metadata", "OperationDefinition/", "StructureDefinition/", "CodeSystem/", "ValueSet/"})
    if (path.substr(std::min<std::size_t>(6, path.size())).starts_with(type)) return true;
  return false;
}

class Stand : public edge::fhir::FhirTest {
 public:
  Stand() {
    SetUp();
    for (const Role role : kRoles) bearers_.push_back(bearer(principal(role, role == Role::patient ? "p1" : "")));
  }
  ~Stand() override { TearDown(); }
  void TestBody() override {}

  void ask_as(std::size_t role, http::Method method, std::string_view target, std::string_view body) {
    std::string whole = "/fhir";
    if (!target.empty()) whole.append("/").append(target);
    http::Request request = http::make_request(method, std::move(whole), std::string(body), "application/fhir+json");
    if (!http::read_target(request.target, 64, request)) return;
    const bool open = is_public(request.path);
    request.authority = "north.example";
    request.headers.add("Authorization", bearers_[role]);
    const std::uint64_t before = audit->size();
    const http::Response response = send(std::move(request));
    CARELEDGER_ASSERT(response.status >= 200 && response.status < 600 && response.status != 500);
    CARELEDGER_ASSERT(open || audit->size() > before);
    if (!response.content().empty()) CARELEDGER_ASSERT(codec::json::parse(response.content()).has_value());
  }

 private:
  std::vector<std::string> bearers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Stand stand;
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t end = std::min(text.find('\n'), text.size());
  stand.ask_as(data[0] % kRoles.size(), kMethods[data[1] % kMethods.size()], text.substr(0, end),
               text.substr(std::min(end + 1, text.size())));
  return 0;
}
