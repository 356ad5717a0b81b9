//! What guards the books, as it stands in the database, against what ships: not the names of functions, triggers, rules
//! and rights, but what they do.
//!
//! What ships is `guards.sums`, a part of the program, so whoever owns the tables can bend what stands and not what it
//! is held against. A line is the beginning of the SHA-256 of a definition, its kind and its name; of a `grant`, the
//! rights that the server's role has. A test writes the file anew from a fresh database (`UPDATE_FILES=1`).

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use super::Finding;
use crate::Failure;

/// What [`audit`] holds.
const RULE: &str = "functions, triggers, constraints and rights are those that ship with this program";

/// What ships, a guard a line.
const SHIPPED: &str = include_str!("guards.sums");

#[derive(FromQueryResult)]
struct Row {
    sum: String,
    kind: String,
    name: String,
}

/// What stands in the database, a guard a line, in the form of `guards.sums`.
///
/// # Errors
/// [`crate::Fault::Database`].
pub async fn standing(conn: &impl ConnectionTrait) -> Result<String, Failure> {
    let lines = found(conn).await?;
    Ok(lines.into_iter().map(|(guard, sum)| format!("{sum} {guard}\n")).collect())
}

/// What stands, by its kind and name.
async fn found(conn: &impl ConnectionTrait) -> Result<BTreeMap<String, String>, Failure> {
    let rows = Row::find_by_statement(Statement::from_string(DbBackend::Postgres, STANDING)).all(conn).await?;
    Ok(rows.into_iter().map(|Row { sum, kind, name }| (format!("{kind} {name}"), sum)).collect())
}

/// What stands against what ships.
pub(super) async fn audit(conn: &impl ConnectionTrait) -> Result<Finding, Failure> {
    let mut finding = Finding::new("guards", RULE);
    let shipped: BTreeMap<&str, &str> =
        SHIPPED.lines().filter_map(|line| line.split_once(' ')).map(|(sum, guard)| (guard, sum)).collect();
    let standing = found(conn).await?;
    for (guard, sum) in &standing {
        finding.rows += 1;
        match shipped.get(guard.as_str()) {
            None => finding.breaks(|| format!("there is a {guard}, which does not ship with this program")),
            // Whoever may less than the server does no harm.
            Some(wanted) if is_grant(guard) => {
                if let Some(more) = sum.split(',').find(|right| wanted.split(',').all(|allowed| allowed != *right)) {
                    finding.breaks(|| format!("the {guard} gives the right to {more}"));
                }
            }
            Some(wanted) if wanted != sum => {
                finding.breaks(|| format!("the {guard} is not the one that ships with this program"));
            }
            Some(_) => (),
        }
    }
    // Where one role owns the tables and runs the marketplace, nothing is granted.
    for guard in shipped.into_keys().filter(|guard| !is_grant(guard) && !standing.contains_key(*guard)) {
        finding.rows += 1;
        finding.breaks(|| format!("the {guard} is gone"));
    }
    Ok(finding)
}

fn is_grant(guard: &str) -> bool {
    guard.starts_with("grant ")
}

/// All of it, but for what belongs to extensions. What is deparsed here reads the same in each version of PostgreSQL that
/// Rabta runs on, but for the names that views put before columns.
const STANDING: &str = "
    with ours as (
        select home.relnamespace as schema, home.relowner as owner from pg_class home where home.oid = 'ledger_entries'::regclass
    ), relation as (
        select class.*, ours.owner from pg_class class join ours on ours.schema = class.relnamespace
        where class.relkind in ('r', 'p', 'v', 'm', 'S')
          and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = class.oid and deptype = 'e')
    ), routine as (
        select proc.*, ours.owner from pg_proc proc join ours on ours.schema = proc.pronamespace
        where proc.prokind in ('f', 'p')
          and not exists (select from pg_depend where classid = 'pg_proc'::regclass and objid = proc.oid and deptype = 'e')
    ), granted as (
        select relation.relname, grants.grantee, lower(grants.privilege_type) as privilege
        from relation, aclexplode(relation.relacl) grants where grants.grantee <> relation.relowner
    ), guard as (
        select 'function' as kind, format('%s(%s)', routine.proname, pg_get_function_identity_arguments(routine.oid)) as name,
               pg_get_functiondef(routine.oid) || (exists (
                   select from aclexplode(coalesce(routine.proacl, acldefault('f', routine.proowner))) grants where grants.grantee = 0))::text as body
        from routine
        union all
        select 'trigger', format('%s of %s', trigger.tgname, relation.relname),
               pg_get_triggerdef(trigger.oid) || case when trigger.tgenabled in ('O', 'A') then '' else ' off' end
        from pg_trigger trigger join relation on relation.oid = trigger.tgrelid where not trigger.tgisinternal
        union all
        select 'foreign key switched off', format('%s of %s', trigger.tgname, relation.relname), ''
        from pg_trigger trigger join relation on relation.oid = trigger.tgrelid
        where trigger.tgisinternal and trigger.tgenabled not in ('O', 'A')
        union all
        select 'constraint', format('%s of %s', rule.conname, relation.relname), pg_get_constraintdef(rule.oid)
        from pg_constraint rule join relation on relation.oid = rule.conrelid where rule.contype in ('c', 'f', 'p', 'u', 'x')
        union all
        select 'index', format('%s of %s', class.relname, relation.relname),
               pg_get_indexdef(index.indexrelid) || index.indisvalid::text
        from pg_index index join relation on relation.oid = index.indrelid join pg_class class on class.oid = index.indexrelid
        where index.indisunique and not exists (select from pg_constraint where conindid = index.indexrelid)
        union all
        select 'table', relation.relname, concat(relation.relkind, relation.relpersistence, relation.relrowsecurity, relation.relforcerowsecurity,
               string_agg(concat_ws(' ', attribute.attname, format_type(attribute.atttypid, attribute.atttypmod),
                   attribute.attnotnull, attribute.attgenerated, attribute.attidentity,
                   pg_get_expr(value.adbin, value.adrelid)), ',' order by attribute.attnum),
               case when relation.relkind in ('v', 'm') then regexp_replace(pg_get_viewdef(relation.oid), '[a-z_]+[.]', '', 'g') end)
        from relation join pg_attribute attribute on attribute.attrelid = relation.oid and attribute.attnum > 0 and not attribute.attisdropped
        left join pg_attrdef value on value.adrelid = relation.oid and value.adnum = attribute.attnum
        where relation.relkind <> 'S'
        group by relation.oid, relation.relname, relation.relkind, relation.relpersistence, relation.relrowsecurity, relation.relforcerowsecurity
        union all
        select 'rule', format('%s of %s', rule.rulename, relation.relname), pg_get_ruledef(rule.oid)
        from pg_rewrite rule join relation on relation.oid = rule.ev_class where rule.rulename <> '_RETURN'
        union all
        select 'policy', format('%s of %s', policy.polname, relation.relname), ''
        from pg_policy policy join relation on relation.oid = policy.polrelid
        union all
        select 'owner of its own', relation.relname, '' from relation where relation.relowner <> relation.owner
        union all
        select 'owner of its own', routine.proname, '' from routine where routine.proowner <> routine.owner
        union all
        select distinct 'role with the rights of the owner', role.rolname, ''
        from granted join pg_roles role on role.oid = granted.grantee, ours
        where granted.privilege in ('insert', 'update', 'delete') and pg_has_role(role.oid, ours.owner, 'MEMBER')
        union all
        select 'grant to create', schema.nspname, '' from ours join pg_namespace schema on schema.oid = ours.schema,
            aclexplode(schema.nspacl) grants
        where grants.privilege_type = 'CREATE' and grants.grantee not in (schema.nspowner, ours.owner)
        union all
        select 'setting', setting, '' from pg_db_role_setting kept, unnest(kept.setconfig) setting
        where setting like 'session_replication_role=%'
          and kept.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    )
    select left(encode(sha256(convert_to(body, 'UTF8')), 'hex'), 16) as sum, kind, name from guard
    union all
    select string_agg(distinct privilege, ',' order by privilege), 'grant', relname from granted group by relname
    union all
    select distinct lower(grants.privilege_type), 'grant', format('%s.%s', relation.relname, attribute.attname)
    from relation join pg_attribute attribute on attribute.attrelid = relation.oid, aclexplode(attribute.attacl) grants
    where grants.grantee <> relation.relowner and grants.privilege_type <> 'SELECT'";
