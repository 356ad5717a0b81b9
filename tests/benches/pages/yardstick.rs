//! The yardstick: a handler by hand for each page, with one prepared statement that answers the JSON.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;
use uuid::Uuid;

const GIG: &str = "select json_build_object('id', g.id, 'title', g.title, 'description', g.description, 'state', g.state,
    'low', g.low_minor, 'high', g.high_minor, 'client', json_build_object('id', o.id, 'name', o.name),
    'proposals', (select json_agg(json_build_object('id', p.id, 'state', p.status, 'coverLetter', p.terms ->> 'cover_letter',
        'submittedAt', p.submitted_at, 'freelancer', json_build_object('id', u.id, 'name', u.name, 'headline', f.headline,
            'rate', f.rate_minor, 'skills', (select json_agg(json_build_object('level', h.level, 'years', h.years, 'name', s.name)
                order by h.position) from profile_skills h join skill s on s.id = h.skill_id where h.profile_id = f.id))) order by p.id desc)
        from (select * from proposals where gig_id = g.id and submitted_at is not null order by id desc limit 10) p
        join users u on u.id = p.freelancer_id left join freelancer_profiles f on f.user_id = u.id))::text
    from gigs g join organizations o on o.id = g.client_id where g.id = $1";

const BROWSE: &str = "select json_build_object('nodes', json_agg(json_build_object('id', g.id, 'title', g.title,
        'publishedAt', g.published_at, 'low', g.low_minor, 'high', g.high_minor,
        'client', json_build_object('id', o.id, 'name', o.name)) order by g.published_at desc, g.id desc))::text
    from (select * from gigs where published_at is not null and state = 'open' and visibility = 'public'
        and id in (select gig_id from gig_skills where skill_id = $1) order by published_at desc, id desc limit 20) g
    join organizations o on o.id = g.client_id";

const MINE: &str = "select json_build_object('id', u.id, 'name', u.name, 'headline', f.headline, 'overview', f.overview,
    'rate', f.rate_minor, 'skills', (select json_agg(json_build_object('level', h.level, 'years', h.years, 'name', s.name)
        order by h.position) from profile_skills h join skill s on s.id = h.skill_id where h.profile_id = f.id),
    'contracts', (select json_agg(json_build_object('id', c.id, 'title', c.title, 'status', c.status,
        'milestones', (select json_agg(json_build_object('id', m.id, 'title', m.title, 'status', m.status,
            'amount', m.amount_minor, 'dueAt', m.due_at) order by m.id) from (select * from milestones where contract_id = c.id order by id limit 10) m))
        order by c.id desc) from (select * from contracts where freelancer_id = u.id order by id desc limit 10) c))::text
    from users u left join freelancer_profiles f on f.user_id = u.id where u.id = $1";

const BID: &str = "with gig as (select id, client_id from gigs where id = $1 and state = 'open' for share),
    bid as (insert into proposals (id, gig_id, client_id, freelancer_id, terms, status, state, revision, submitted_at, version, created_at, updated_at)
        select gen_random_uuid(), gig.id, gig.client_id, $2, json_build_object('cover_letter', $3::text)::jsonb, 'submitted',
            '{\"status\": \"submitted\"}', 1, now(), 1, now(), now() from gig
        returning id, status),
    kept as (insert into proposal_revisions (proposal_id, number, side, body, created_at)
        select id, 1, 'freelancer', json_build_object('cover_letter', $3::text)::jsonb, now() from bid)
    select json_build_object('proposal', json_build_object('id', id, 'state', status))::text from bid";

/// Serve, after saying where.
pub async fn serve(url: &str) {
    let pool = PgPoolOptions::new().max_connections(16).connect(url).await.expect("the database answers");
    let one = |text: &'static str| {
        post(move |State(pool): State<PgPool>, Json(id): Json<Uuid>| async move {
            json_of(sqlx::query_scalar(text).bind(id).fetch_one(&pool).await)
        })
    };
    let bid = post(|State(pool): State<PgPool>, Json((gig, who, letter)): Json<(Uuid, Uuid, String)>| async move {
        json_of(sqlx::query_scalar(BID).bind(gig).bind(who).bind(letter).fetch_one(&pool).await)
    });
    let routes = Router::new().route("/gig", one(GIG)).route("/browse", one(BROWSE)).route("/mine", one(MINE));
    let routes = routes.route("/bid", bid).with_state(pool);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", json!({ "port": listener.local_addr().expect("an address").port() }));
    axum::serve(listener, routes).await.expect("it serves");
}

fn json_of(found: Result<String, sqlx::Error>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], found.expect("an answer"))
}
