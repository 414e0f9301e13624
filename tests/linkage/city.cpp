#include "city.h"

#include <cmath>
#include <functional>
#include <memory>
#include <queue>
#include <random>

#include "apps/wallet_node.h"
#include "contracts/all.h"
#include "contracts/build.h"
#include "contracts/rules.h"
#include "edge/ledger_api/ledger_api.h"
#include "exchange/terms.h"
#include "kernel/timing.h"
#include "ordering/local/lanes.h"
#include "replica/test_world.h"
#include "vault/account_signer.h"
#include "vault/keystore.h"
#include "vault/quiet_outbox.h"
#include "vault/vault.h"

namespace careledger::linkage {
namespace {

namespace build = contracts::build;
using ordering::Lane;

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kStart = 1'800'000'000'000 / contracts::kDayMs * contracts::kDayMs;
constexpr std::int64_t kPlainLife = 30 * kMinute;

// The ledger as far as order and time go: nothing is judged.
class Ledger final : public ordering::Ordering {
 public:
  Ledger(const Clock& clock, std::uint32_t epoch_ms, City& city)
      : clock_(clock), organisations_(city.hospitals), rows_(city.ledger), lanes_(epoch_ms, 8192) {}

  void submit(OrganisationId organisation, Bytes command, Lane lane, UniqueFunction<void(const ordering::Answer&)> done) override {
    const Digest digest = kernel::receive_bytes(command).digest;
    lanes_.put({organisation, std::move(command), lane, digest, std::move(done)}, clock_.now());
  }
  void make_block() {
    std::vector<ordering::local::Pending> taken = lanes_.take(clock_.now());
    if (taken.empty()) return;
    ++height_;
    for (const OrganisationId& organisation : organisations_)  // one envelope after the other, as LocalOrdering makes them
      for (const auto& one : taken)
        if (one.organisation == organisation) rows_.push_back({organisation, one.bytes, clock_.now(), height_});
    for (auto& one : taken) one.done({ordering::Outcome::final, kernel::Receipt{}, 0});
  }

  void host(OrganisationId, std::shared_ptr<const ordering::BatchSigner>) override {}
  Result<proof::SignedHeader> header(Height) const override { return fail(ErrorKind::not_found, "none here"); }
  Result<proof::ValidatorSet> validators(Height) const override { return fail(ErrorKind::not_found, "none here"); }
  Height height() const override { return {height_}; }
  void when_provable(Height, UniqueFunction<void()> done) override { done(); }
  bool has_quorum() const override { return true; }
  void stop() override {}

 private:
  const Clock& clock_;
  const std::array<OrganisationId, 2>& organisations_;
  std::vector<Row>& rows_;
  ordering::local::Lanes lanes_;
  std::uint64_t height_ = 0;
};

// How it would be without rounding.
class PlainSigner final : public vault::CommandSigner {
 public:
  PlainSigner(const LedgerId& ledger, const OrganisationId& organisation, crypto::SigningKey key, const Clock& clock)
      : ledger_(ledger), organisation_(organisation), key_(std::move(key)), clock_(clock) {}
  Result<Bytes> sign(ContractId contract, Bytes payload) override {
    const kernel::CommandOrder order{ledger_, organisation_, ++sequence_, {clock_.now().value + kPlainLife}, contract};
    return kernel::encode(kernel::sign_command(order, payload, {1, &key_}));
  }

 private:
  LedgerId ledger_;
  OrganisationId organisation_;
  crypto::SigningKey key_;
  const Clock& clock_;
  std::uint64_t sequence_ = 0;
};

struct Home {  // a hospital: vault, signer, and what waits for the epoch
  OrganisationId id;
  std::unique_ptr<vault::Keystore> keys;
  std::unique_ptr<vault::Vault> records;
  std::unique_ptr<vault::Relationships> relationships;
  std::unique_ptr<vault::CommandSigner> signer;
  std::unique_ptr<vault::QuietOutbox> quiet;
};

struct Habits {              // of one person; the same at both hospitals
  std::int64_t skew_ms = 0;  // how far the clock of the device is off
  std::int64_t days = 30;    // how long grants are made for
  std::array<std::uint64_t, 2> sequence{};
  std::array<std::uint32_t, 2> grants{};
};

class Month {
 public:
  explicit Month(const Options& options)
      : options_(options),
        random_(options.seed),
        entropy_(options.seed),
        world_(options.seed),
        clock_({kStart}),
        ledger_(clock_, options.epoch_ms, city_) {
    replica::Config config;
    config.founding = world_.founding();
    replica_ = std::move(*replica::Replica::open(config, replica::memory_ledger_store(), contracts::all()));
    for (std::size_t i = 0; i < homes_.size(); ++i) found_hospital(i);
    for (std::size_t i = 0; i < options.people; ++i) invent_person(i);
  }

  City run() {
    const std::int64_t end = kStart + options_.days * contracts::kDayMs;
    BlockTime boundary = kernel::epoch_end(clock_.now(), options_.epoch_ms);
    while (boundary.value <= end) {
      if (!events_.empty() && events_.top().time < boundary.value) {
        const Event event = events_.top();
        events_.pop();
        advance_to(event.time);
        event.act();
      } else {
        advance_to(boundary.value);
        for (Home& home : homes_)
          if (home.quiet) CARELEDGER_ASSERT(home.quiet->release().has_value());
        boundary = kernel::epoch_end(boundary, options_.epoch_ms);
      }
      ledger_.make_block();
    }
    return std::move(city_);
  }

 private:
  struct Event {
    std::int64_t time;
    std::uint64_t number;
    std::function<void()> act;
    bool operator<(const Event& other) const { return std::pair(time, number) > std::pair(other.time, other.number); }
  };
  void at(std::int64_t time, std::function<void()> act) { events_.push({time, ++events_made_, std::move(act)}); }
  void advance_to(std::int64_t time) { clock_.advance_ms(time - clock_.now().value); }
  std::int64_t now() const { return clock_.now().value; }
  std::int64_t between(std::int64_t low, std::int64_t high) { return std::uniform_int_distribution<std::int64_t>(low, high)(random_); }
  bool chance(double p) { return std::bernoulli_distribution(p)(random_); }

  void found_hospital(std::size_t i) {
    Home& home = homes_[i];
    home.id = city_.hospitals[i] = entropy_.take_id<OrganisationId>();
    home.keys = vault::Keystore::in_memory(clock_, entropy_);
    vault::VaultOptions options;
    options.organisation = home.id;
    home.records = std::move(*vault::Vault::open(options, *home.keys, clock_, entropy_));
    home.relationships = std::make_unique<vault::Relationships>(*home.records);
    auto key = crypto::SigningKey::generate(entropy_);
    if (options_.lanes_and_rounding) {
      home.signer = std::make_unique<vault::AccountSigner>(replica_->view(), home.id, 1, std::move(key), clock_);
      home.quiet = std::make_unique<vault::QuietOutbox>(
          vault::QuietOutboxParts{home.id, *home.relationships, ledger_, *home.signer, clock_, options_.epoch_ms});
    } else {
      home.signer = std::make_unique<PlainSigner>(world_.ledger(), home.id, std::move(key), clock_);
    }
    for (std::int64_t minute = between(0, 3); minute < options_.days * 24 * 60; minute += between(1, 5))
      at(kStart + minute * kMinute + between(0, kMinute - 1), [this, i] { anchor(i); });
  }

  // Urgent traffic of the hospital itself: its numbers are what a proposal's number could be compared with.
  void anchor(std::size_t i) {
    ledger::Anchor anchor;
    anchor.set_root(entropy_.take(32));
    anchor.set_count(16);
    const build::Order order = build::anchor(anchor);
    ledger_.submit(homes_[i].id, *homes_[i].signer->sign(order.contract, order.payload), Lane::urgent, [](const ordering::Answer&) {});
  }

  std::int64_t office_hour() { return kStart + between(0, options_.days - 1) * contracts::kDayMs + between(8 * kHour, 18 * kHour - 1); }

  void invent_person(std::size_t i) {
    Person person;
    Habits habits;
    person.wallet = chance(0.6);
    person.first = static_cast<std::size_t>(between(0, 1));
    std::int64_t early = office_hour();
    std::int64_t late = office_hour();
    if (early > late) std::swap(early, late);
    person.desk[person.first] = early;
    person.desk[1 - person.first] = late;
    habits.skew_ms = static_cast<std::int64_t>(std::normal_distribution<double>(0, 5000)(random_));
    habits.days = std::array<std::int64_t, 5>{7, 30, 90, 180, 365}[static_cast<std::size_t>(between(0, 4))];
    if (chance(0.5)) person.desk[1 - person.first] = 0;  // comes to one hospital alone
    for (std::size_t h = 0; h < 2; ++h)
      if (person.desk[h] != 0) at(person.desk[h], [this, i, h] { enrol(i, h); });
    city_.people.push_back(person);
    habits_.push_back(habits);
  }

  // Made anew from the seed each time: twenty thousand keys would fill the locked memory.
  apps::WalletKey key_of(std::size_t i, std::size_t h) const {
    SeededEntropy entropy(options_.seed * 1'000'003 + i * 2 + h);
    auto key = crypto::SigningKey::generate(entropy);
    return {{}, std::move(key), entropy.take_id<Digest>(), {}, {}, 0, {}, 0, {}};
  }

  RelationshipId relationship(std::size_t i, std::size_t h) const {
    return contracts::relationship::relationship_id(homes_[h].id, city_.people[i].pseudonym[h]);
  }

  void enrol(std::size_t i, std::size_t h) {
    Person& person = city_.people[i];
    const apps::WalletKey key = key_of(i, h);
    const build::NewPatient patient{kernel::single_key(key.key.public_key()), key.nonce, !person.wallet};
    person.pseudonym[h] = patient.id();
    const build::Order order = build::propose(patient);
    const auto on_ledger = [this, i, h](const ordering::Answer&) { proposed(i, h); };
    Home& home = homes_[h];
    if (home.quiet) {
      CARELEDGER_ASSERT(home.quiet->hold({Digest{relationship(i, h).value}, order.contract, order.payload}, on_ledger).has_value());
    } else {
      ledger_.submit(home.id, *home.signer->sign(order.contract, order.payload), Lane::urgent, on_ledger);
    }
  }

  // Most accept at once, some in the evening, some after days.
  void proposed(std::size_t i, std::size_t h) {
    if (!city_.people[i].wallet) return;
    std::int64_t when = now() + static_cast<std::int64_t>(std::lognormal_distribution<double>(std::log(4.0 * kMinute), 0.7)(random_));
    const double kind = std::uniform_real_distribution<double>(0, 1)(random_);
    const std::int64_t midnight = now() / contracts::kDayMs * contracts::kDayMs;
    if (kind > 0.5) when = std::max(when, midnight + between(18 * kHour, 22 * kHour));
    if (kind > 0.8) when = midnight + between(1, 3) * contracts::kDayMs + between(8 * kHour, 21 * kHour);
    at(when, [this, i, h] { accept(i, h); });
  }

  void accept(std::size_t i, std::size_t h) {
    Person& person = city_.people[i];
    person.accepted[h] = now();
    send(i, h, build::accept(relationship(i, h)));
    const std::size_t other = 1 - h;
    // Grants have many ends: a laboratory, a practice, an insurer.
    while (chance(0.35)) at(now() + between(kHour, 12 * contracts::kDayMs), [this, i, h] { grant(i, h); });
    if (h == person.first || person.accepted[other] == 0) return;
    // What brings people to accept at the second hospital is that it asks for the record of the first.
    if (!chance(0.8)) return;
    person.granted = true;
    at(now() + between(30'000, 3 * kMinute), [this, i, other] { grant(i, other); });
    if (chance(0.1)) at(now() + between(1, 9) * contracts::kDayMs + between(0, 5 * kHour), [this, i, other] { revoke(i, other); });
  }

  void grant(std::size_t i, std::size_t h) {
    Habits& habits = habits_[i];
    const BlockTime until{now() + habits.days * contracts::kDayMs};
    const std::uint32_t day = options_.lanes_and_rounding ? exchange::lapse_day(clock_.now(), until) : contracts::day_of(until);
    send(i, h, build::grant(relationship(i, h), ++habits.grants[h], entropy_.take_id<Digest>(), day));
  }
  void revoke(std::size_t i, std::size_t h) {
    if (habits_[i].grants[h] > 0) send(i, h, build::revoke(relationship(i, h), habits_[i].grants[h]));
  }

  // Signed by the device under its own clock; on the ledger's machine a moment later.
  void send(std::size_t i, std::size_t h, const build::Order& order) {
    const apps::WalletKey key = key_of(i, h);
    Habits& habits = habits_[i];
    const std::uint64_t number = ++habits.sequence[h];
    const BlockTime device{now() + habits.skew_ms};
    Lane lane = Lane::urgent;
    Bytes bytes;
    if (options_.lanes_and_rounding) {
      lane = *edge::ledger_api::lane_for(order.contract);
      bytes = apps::wallet_command(key, world_.ledger(), order, number, device, options_.epoch_ms);
    } else {
      const kernel::CommandOrder what{world_.ledger(), key.account(), number, {device.value + kPlainLife}, order.contract};
      bytes = kernel::encode(kernel::sign_command(what, order.payload, {1, &key.key}));
    }
    at(now() + between(30, 400),
       [this, h, lane, bytes = std::move(bytes)] { ledger_.submit(homes_[h].id, bytes, lane, [](const ordering::Answer&) {}); });
  }

  const Options options_;
  std::mt19937_64 random_;
  SeededEntropy entropy_;
  replica::test::World world_;
  std::unique_ptr<replica::Replica> replica_;
  ManualClock clock_;
  City city_;
  Ledger ledger_;
  std::array<Home, 2> homes_;
  std::vector<Habits> habits_;
  std::priority_queue<Event> events_;
  std::uint64_t events_made_ = 0;
};

}  // namespace

City simulate(const Options& options) { return Month(options).run(); }

}  // namespace careledger::linkage
