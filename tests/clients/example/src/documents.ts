// What is asked. The types of variables and answers are generated from these and the schema.
import { graphql } from './generated/index.js';

export const SignIn = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      tokens {
        accessToken
        accessTokenExpiresAt
        refreshToken
      }
      errors {
        __typename
        code
        message
        path
      }
    }
  }
`);

export const Refresh = graphql(`
  mutation Refresh($input: SessionRefreshInput!) {
    sessionRefresh(input: $input) {
      tokens {
        accessToken
        accessTokenExpiresAt
        refreshToken
      }
      errors {
        __typename
        code
        message
        path
      }
    }
  }
`);

export const Gigs = graphql(`
  query Gigs($first: Int!, $after: String, $filter: GigFilterInput) {
    gigs(first: $first, after: $after, filter: $filter) {
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        title
        kind
        budget {
          low {
            amount
            currency
          }
          high {
            amount
            currency
          }
        }
        questions {
          id
          text
          required
        }
      }
    }
  }
`);

export const Bid = graphql(`
  mutation Bid($input: ProposalSubmitInput!) {
    proposalSubmit(input: $input) {
      proposal {
        id
        state
      }
      errors {
        __typename
        code
        message
        path
        ... on WrongStateError {
          state
          allowed
        }
        ... on LimitReachedError {
          limit
        }
      }
    }
  }
`);

export const Told = graphql(`
  subscription Told($after: String) {
    notificationReceived(after: $after) {
      cursor
      notification {
        kind
        subject {
          __typename
          id
        }
      }
    }
  }
`);

export const Dashboard = graphql(`
  query Dashboard {
    viewer {
      organizations(first: 1) {
        nodes {
          id
        }
      }
      notifications(first: 20) {
        edges {
          cursor
          node {
            id
            kind
          }
        }
      }
    }
  }
`);
