//! The macro that makes a test of every case.

/// Tests a backend: expands to a module with one test for every case.
///
/// The second argument makes a new [`Subject`](crate::Subject); after `await` it is a future of one:
///
/// ```
/// use polycache_testkit::InMemory;
///
/// async fn start_server() -> InMemory {
///     InMemory::new(|memory| memory)
/// }
///
/// polycache_testkit::conformance!(in_process, InMemory::new(|memory| memory));
/// polycache_testkit::conformance!(server, await start_server());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance {
    ($name:ident, await $subject:expr) => {
        $crate::__conformance!($name, { $subject.await });
    };
    ($name:ident, $subject:expr) => {
        $crate::__conformance!($name, { $subject });
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance {
    ($name:ident, $subject:tt) => {
        #[allow(unused_imports, reason = "what the subject's expression names may be in scope already")]
        mod $name {
            use super::*;

            $crate::__every_case!(__tests, $subject);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($subject:tt $($theme:ident { $($case:ident)* })*) => {
        $(mod $theme {
            use super::*;

            $(
                #[$crate::tokio::test(flavor = "multi_thread", worker_threads = 2, crate = "polycache_testkit::tokio")]
                async fn $case() {
                    let subject = $subject;
                    $crate::cases::$theme::$case(&subject).await;
                }
            )*
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __every_case {
    ($then:ident, $argument:tt) => {
        $crate::$then! {
            $argument
            reads_and_writes {
                a_missing_key_is_a_miss
                what_is_set_is_read
                set_replaces_value_and_ttl
                add_changes_nothing_where_a_value_is
                a_stored_none_is_a_hit
                delete_says_whether_there_was_one
                views_share_the_store
            }
            multi {
                values_come_in_the_order_asked
                none_at_all_is_fine
                the_last_of_duplicate_keys_wins
                multi_set_replaces_value_and_ttl
                multi_delete_counts_what_there_was
                a_thousand_at_once
                keys_are_those_of_the_namespace
            }
            expiry {
                an_entry_lives_as_long_as_its_ttl
                an_expired_entry_is_none
                ttl_tells_what_remains
                expire_changes_the_ttl_alone
                a_tiny_ttl_is_rounded_up
                a_life_beyond_30_days_is_no_date
                the_longest_life_is_long
                a_zero_ttl_is_refused
                the_default_ttl_is_for_every_write
                jitter_spreads_lives_within_its_bounds
            }
            counters {
                a_missing_key_starts_at_the_delta
                an_existing_key_keeps_its_ttl
                sums_pass_through_zero
                numbers_that_were_set_are_counted_on
                every_textual_serializer_counts
                not_a_number_changes_nothing
                overflow_is_an_error
                refused_where_a_counter_would_not_read_back
            }
            cas {
                writes_where_nobody_wrote
                any_write_in_between_fails_it
                a_deleted_key_fails_it
                a_version_of_absence_makes_it_an_add
                sets_the_ttl
                reads_and_expire_are_no_writes
                a_rewrite_of_an_equal_value
            }
            look {
                each_part_is_there_where_it_is_wanted
                an_absent_key_is_none
                tells_what_remains_after_expire
                every_write_changes_the_version
                multi_get_tells_as_much
                delete_keeps_to_its_condition
                values_come_typed
            }
            namespaces {
                a_namespace_is_a_prefix
                every_command_keeps_to_its_namespace
                clear_takes_nested_namespaces_only
                clear_takes_a_namespace_literally
                clear_without_a_namespace
                clear_takes_thousands
                a_key_builder_makes_the_names
            }
            separators {
                it_stands_behind_the_namespace
                clear_takes_what_begins_so
                scan_lists_what_begins_so
                clear_takes_leases_and_locks_along
            }
            scan {
                lists_the_keys_of_the_namespace
                patterns_choose
                a_backslash_escapes
                a_namespace_is_taken_literally
                lists_five_thousand_keys
                lists_what_stays_while_others_change
                expired_keys_are_not_listed
                a_broken_pattern_is_an_error
            }
            keys {
                odd_keys_are_kept_apart
                odd_keys_are_kept_apart_in_a_namespace
                odd_namespaces_are_kept_apart
                a_key_is_the_same_however_it_is_split
                what_ends_like_the_librarys_own_is_refused
                a_lock_is_out_of_reach
            }
            values {
                come_back_by_default
                come_back_through_json
                come_back_through_a_wrapped_serializer
                scalars_come_back_through_text
                what_has_no_form_changes_nothing
                read_back_as_alike_types
                a_mismatch_is_an_error
                a_mismatch_is_a_miss_by_choice
                large_values_come_back
                bytes_are_kept_as_they_are
                every_command_takes_what_is_encoded
                live_objects
            }
            grace {
                a_stale_entry_is_none
                no_grace_is_too_long
                a_failed_computation_gives_the_stale_value
                its_source_rests_for_a_while
                nothing_is_given_beyond_the_grace
                no_stale_value_after_a_write
                bulk_calls_give_stale_values
                objects_have_a_grace
                expire_gives_no_grace_to_others
                expire_keeps_the_grace
                counters_have_none
                a_cache_without_a_grace_refuses_the_value
            }
            early {
                one_task_renews_and_nobody_waits
                one_process_renews
                after_a_failure_the_source_rests
                a_write_meanwhile_wins
                one_call_renews_many
            }
            renewals {
                a_stale_value_is_shown
                callers_are_told_how_fresh_it_is
                a_value_brings_its_ttl
            }
            slow_sources {
                a_stale_value_is_given_while_a_task_computes
                stale_while_revalidate
                who_computes_itself_goes_on
                without_a_stale_value_it_is_waited_for
                the_hard_timeout_is_an_error
                a_stale_value_is_better_than_the_hard_timeout
                what_is_deleted_is_not_given
                of_many_keys_each_is_given_what_there_is
                many_keys_are_dropped_with_their_caller
            }
            tags {
                a_clear_takes_the_entries_with_the_tag
                a_cleared_entry_is_none
                computed_values_have_tags
                tags_belong_to_a_namespace
                generations_are_hidden
                a_generation_lives_as_long_as_its_entries
                a_copy_has_no_tags
                objects_have_tags
                a_clear_makes_stale_by_choice
            }
            tag_races {
                no_value_from_before_a_clear
                no_bulk_value_from_before_a_clear
                no_old_value_at_random
                a_write_before_a_clear_is_cleared
            }
            heads {
                a_head_comes_back
                another_head_is_a_write
                bytes_that_look_like_a_head
                a_number_with_a_head_is_no_counter
                a_live_object_has_a_head
            }
            races {
                no_increment_is_lost
                one_add_wins
                one_cas_wins
                no_update_by_cas_is_lost
                one_delete_wins
                values_belong_to_their_keys
            }
            flights {
                one_computes
                cancelled_leaders_hand_over
                no_old_value_after_a_write
                no_old_value_after_a_write_in_another_process
            }
            left_alone {
                a_stream_that_is_consumed_slowly_keeps_no_write_waiting
                nobody_waits_for_a_command
                nobody_waits_for_a_flight
                nobody_waits_for_a_cached_function
                nobody_waits_for_one_who_is_given_a_lock
            }
            locks {
                one_holder_at_a_time
                a_deadline_ends_the_waiting
                a_cancelled_holder_releases
                a_lock_is_kept_beyond_its_lease
                a_lost_lock_is_noticed
                nobody_starves
                locks_are_hidden_from_scan
                a_dead_holder_is_replaced
                an_optimistic_lock_notices_writes
            }
            switch {
                reads_miss
                a_write_deletes
                increment_answers_its_delta
                cas_answers_true
                removals_still_run
                raw_is_refused
                views_share_the_switch
                it_may_start_turned_off
            }
            plugins {
                hooks_see_every_command
                an_error_before_stops_the_command
                hooks_may_use_the_cache
                the_bundled_plugins_work
            }
            events {
                what_is_told_has_happened
            }
            errors {
                the_text_names_command_and_key
                a_long_key_is_cut_in_the_text
                an_unknown_raw_command_is_an_error
                after_close_every_command_is_an_error
                a_cache_turned_off_is_closed_too
            }
        }
    };
}

#[cfg(test)]
mod tests {
    /// The listed cases with the source they are written in.
    #[macro_export]
    macro_rules! __listed {
        ($argument:tt $($theme:ident { $($case:ident)* })*) => {
            [$((
                stringify!($theme),
                include_str!(concat!("cases/", stringify!($theme), ".rs")),
                &[$(stringify!($case)),*][..],
            )),*]
        };
    }
    /// No case may be written and forgotten in the list: it would be silently green.
    #[test]
    fn every_case_is_run() {
        for (theme, source, listed) in crate::__every_case!(__listed, ()) {
            let written = source.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
            let written: Vec<&str> = written.filter(|name| *name != "with_serializer").collect();
            assert_eq!(written, listed, "in {theme}");
        }
    }
}
